"""Live rows → deliveries: what falls due, whether it is still true, and every change of its state.

`tick` and `sweep` are the two passes, step by step. `plan` makes deliveries, `moves` changes their
state, `read` reads claimed ones again before they are sent.
"""

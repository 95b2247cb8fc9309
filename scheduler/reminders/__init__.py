"""Deliveries made from live rows: what is due, if it is still true, and every change of its state.

`tick` and `sweep` are the two passes, step by step. `plan` makes deliveries, `moves` changes their
state, and `read` reads claimed ones again just before they are sent.
"""

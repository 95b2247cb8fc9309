"""Live rows → the ledger of messages: what falls due, whether it is still true, who claims it.

A pass over the whole ledger is `passes.full_pass`, the tick's is `passes.narrow_pass`; `claims`
hands out what is due, `facts` reads what is said, and `moves` moves a message that is being sent.
"""

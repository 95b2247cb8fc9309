"""The ledger of messages as an admin sees it: `listing` lists deliveries, `story` explains them.

What an admin changes in it is in `scheduler.reminders.moves.admin`.
"""

"""What an admin sees of the ledger of messages: `listing` lists deliveries, `story` explains them.

What an admin changes in it is in `scheduler.reminders.moves.admin`.
"""

"""What an admin sees of the ledger of messages, and does with it.

`reading` lists deliveries, `story` explains a session's, `switches` pauses channels, `settling`
decides on what is stuck. Planning and sending are in `scheduler.reminders`.
"""

"""The bot's side of Telegram: its updates are read, chats linked, buttons of alarms answered.

Messages themselves go by tasks.channels, as on every channel.
"""

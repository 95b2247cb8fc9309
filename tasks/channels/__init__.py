"""Channels that carry messages to people: Apprise, and what it needs around it.

`channels_of(settings)` in `tasks.channels.configured` gives the channels. It is not imported here,
as loading Apprise takes half a second that `celery --help` need not spend.
"""

"""Channels that carry messages to people, by Apprise's plugins and transports of our own.

`tasks.channels.configured.channels_of(settings)` returns them. It is not imported here, as loading
Apprise would make `celery --help` half a second slower.
"""

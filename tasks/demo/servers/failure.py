"""Failure of an embedded server."""


class EmbeddedServerFailed(Exception):
    """A server cannot be found, started or kept. The message is one line for the user."""

    exit_code = 3

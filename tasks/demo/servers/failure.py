"""Failure of an embedded server."""

from tasks.failures.lines import ExitCode


class EmbeddedServerFailed(Exception):
    """A server cannot be found, started or kept. The message is one line for the user."""

    exit_code = ExitCode.UNREACHABLE

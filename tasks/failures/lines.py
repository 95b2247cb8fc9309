"""Failure of a command: its lines on standard error, and its exit code."""

import errno
from enum import IntEnum
from typing import IO, Any

import click


class ExitCode(IntEnum):
    """Exit codes of the design ("Commands"), and the shell's for Ctrl-C."""

    DONE = 0
    PARTLY = 1  # done in part, or a check failed
    USAGE = 2  # wrong usage or input; an unknown id
    UNREACHABLE = 3  # a server does not answer
    INTERRUPTED = 130


class Refused(Exception):
    """A refusal of a command: one line that says what to do instead."""

    def __init__(self, line: str, exit_code: ExitCode) -> None:
        super().__init__(line)
        self.exit_code = exit_code


class Failure(click.ClickException):
    """The end of a command, for click to show: no usage, no traceback."""

    def __init__(self, lines: tuple[str, ...], exit_code: int) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.lines:
            click.echo(f"Error: {printable(line)}", file=file, err=file is None)


def printable(words: str) -> str:
    """One line without control characters, as texts from a database must not control a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in words)


# The output's disk is full, or its device is broken. click handles a pipe without a reader.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def is_output_error(error: Exception) -> bool:
    """True for an error about a file, as a command's output is the only file that it writes."""
    return isinstance(error, OSError) and error.errno in FULL

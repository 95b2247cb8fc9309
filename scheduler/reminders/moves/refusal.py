"""Refusal of a move that an admin asked for."""


class LedgerRefusal(Exception):
    """An id that is not there, or a message that cannot be moved so. One line that says what to do.

    Nothing has changed.
    """

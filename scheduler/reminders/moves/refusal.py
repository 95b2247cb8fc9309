"""Refusal of a move that an admin asked for."""


class LedgerRefusal(Exception):
    """An id that does not exist, or a message whose state does not allow the move. Nothing was
    changed. The message is one line with a cure."""

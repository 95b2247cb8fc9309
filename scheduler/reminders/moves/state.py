"""The states of a message in the ledger (design, "Reminders and alarms")."""

from enum import StrEnum


class State(StrEnum):
    """State of a delivery; the moves between them are drawn in docs/state-machine.md."""

    PLANNED = "planned"  # falls due, or is due and waits for a worker
    CLAIMED = "claimed"  # in a worker's batch, under a lease
    SENDING = "sending"  # committed before the provider is called
    SENT = "sent"
    FAILED = "failed"  # refused or never handed over; tried again while it is true, or for good
    UNKNOWN = "unknown"  # handed over and never answered; to be repeated
    HELD = "held"  # waits for an admin
    EXPIRED = "expired"  # the session has begun
    OBSOLETE = "obsolete"  # no longer true, or not needed
    UNREACHABLE = "unreachable"  # no way to this person

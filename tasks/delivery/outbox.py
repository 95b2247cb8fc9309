"""OUTBOX: where messages really go."""

from enum import Enum

from scheduler.settings import Settings


class Outbox(Enum):
    """The value is what the ledger notes."""

    LIVE = None
    LOG = "log"  # nothing leaves; messages end as sent on channel `log`
    REDIRECT = "redirect"  # the channels lead to one address (tasks.channels.redirected)


def outbox_of(settings: Settings) -> Outbox:
    mode = settings.outbox.partition(":")[0]
    return {"log": Outbox.LOG, "redirect": Outbox.REDIRECT}.get(mode, Outbox.LIVE)

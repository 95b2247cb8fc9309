"""Rows of the page that are also sent as events."""

from scheduler.ledger.overview import TryLine
from scheduler.words import label
from tasks.web.dates import Dates
from tasks.web.translations import word


def message_row(line: TryLine, dates: Dates) -> dict[str, object]:
    """A message that went out, cell by cell, as texts."""
    wall = line.at.astimezone(dates.zone)
    return {
        "id": line.id,
        "time": f"{wall:%H:%M:%S}",
        "message": f"{label(line.kind, line.lead_minutes)} → {line.role}",
        "session": line.session_id,
        "channel": line.channel,
        "outcome": line.outcome,
        "said": word(line.outcome, dates.language),
        "words": line.words or "",
    }

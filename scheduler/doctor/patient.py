"""The installation that a check examines, and texts for counts and ids."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from scheduler.finding import Finding
from scheduler.settings import Settings


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation at the instant `now`. Checks only read it."""

    conn: Connection
    catalog: SiteCatalog
    settings: Settings
    now: datetime

    @property
    def today(self) -> date:
        """Today's date at the site."""
        return self.now.astimezone(self.settings.zone).date()


Check = Callable[[Patient], Iterable[Finding]]


def some(ids: Sequence[int], count: int) -> str:
    """'4, 7, 9', or '4, 7, 9 and 12 more' where `count` is more than these."""
    named = ", ".join(str(each) for each in ids)
    return f"{named} and {count - len(ids)} more" if count > len(ids) else named

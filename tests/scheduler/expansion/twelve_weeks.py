"""A site with a weekly rule: Tuesdays from 29 December, twelve rows to come."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scheduler.expansion import ExpansionReport
from tests.builders import an_anchor
from tests.scheduler.expansion.expanded_site import Site

MONDAY = datetime(2027, 1, 4, 6, 0, tzinfo=UTC)
ANCHOR_ON = date(2026, 12, 29)
TUESDAYS = [date(2027, 1, 5) + n * timedelta(days=7) for n in range(12)]
THURSDAYS = [day + timedelta(days=2) for day in TUESDAYS]
TO_THURSDAY = {"recurring_pattern": '{"days": ["Thursday"]}'}


def a_weekly(site: Site, **columns: Any) -> int:
    """A row that carries a weekly rule; nothing is expanded yet."""
    return an_anchor(site.conn, **{"session_date": ANCHOR_ON, **columns})


def run(site: Site, **settings: Any) -> ExpansionReport:
    """One expansion as on that Monday, 84 days ahead; a second one has nothing to do."""
    report = site.run(as_of=MONDAY, expand_days=84, **settings)
    before = site.everything()
    site.run(as_of=MONDAY, expand_days=84, **settings)
    assert site.everything() == before
    return report


def rows(site: Site, anchor: int) -> Sequence[Any]:
    """The rows of a series by date of their occurrences, those without one left out."""
    found: Sequence[Any] = site.sql(
        """SELECT t.*, o.state, o.reason, o.blocked_by, o.occurs_on
             FROM session_worker.occurrence o JOIN tutor_sessions t ON t.id = o.session_id
            WHERE o.anchor_id = :anchor ORDER BY o.occurs_on""",
        anchor=anchor,
    ).all()
    return found

"""The pages: Today, a session, a person, and the search."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from models.catalog import with_taken_ids
from scheduler.database_clock import database_now
from scheduler.expansion.admin.preview import Preview, PreviewDate
from scheduler.ledger.search import (
    deliveries_to,
    find_deliveries,
    find_people,
    find_profile,
    find_session,
    sessions_of,
)
from scheduler.ledger.story import explain
from scheduler.reminders.moves.refusal import LedgerRefusal
from tasks.database import site_catalog
from tasks.input_limits import LARGEST_ID
from tasks.web.dates import Dates
from tasks.web.harm import harmed_by
from tasks.web.html import language_of, page
from tasks.web.parts import parts_of
from tasks.web.plots import plot_of
from tasks.web.sentences import message_row

# What is read in the background is waited for so long, where it has never been read.
PATIENCE_SECONDS = 0.05
# What is read for Today is shown though a newer reading is under way, if it is no older than that:
# on a large site without an index on the start of sessions one takes a second.
USABLE_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 5.0
FOUND = 20
WEEKS_SHOWN = timedelta(weeks=4)
MESSAGES_SHOWN = timedelta(weeks=1)
SHOWN = 100
STATE_WORDS = {
    "created": "row is there",
    "adopted": "row is there",
    "planned": "to be made",
    "conflict": "blocked",
    "skipped": "left out",
    "deleted": "deleted",
}


def today(request: Request) -> Response:
    """What is wrong, then what is going on and what comes."""
    parts = parts_of(request)
    read = parts.today.get_fresh(PATIENCE_SECONDS, USABLE_SECONDS, LONGEST_WAIT_SECONDS)
    found = read.value
    if found is None or read.failure:
        words = read.failure or "Being counted; reload in a moment."
        return page(request, "gone.html", datetime.now(UTC), 503, words=words)
    dates = Dates(language_of(request), parts.settings.zone, found.now)
    slots = {span: each.get(PATIENCE_SECONDS) for span, each in parts.slots.items()}
    return page(
        request,
        "today.html",
        found.now,
        found=found,
        examined=parts.examined.get(PATIENCE_SECONDS),
        harmed_by=partial(harmed_by, language=language_of(request)),
        messages=[message_row(line, dates) for line in parts.last_messages.get()],
        plots={span: plot_of(each.value) if each.value else None for span, each in slots.items()},
        week=parts.week.get(PATIENCE_SECONDS),
        channels=parts.settings.channels,
    )


def session(request: Request) -> Response:
    """A session: its people's stories, and its rule with the coming dates."""
    parts, session_id = parts_of(request), int(request.path_params["session_id"])
    catalog = site_catalog(parts.engine)
    with parts.reading() as conn:
        now = database_now(conn)
        if session_id > LARGEST_ID:
            return page(request, "gone.html", now, 404, words="There is no such session.")
        own = with_taken_ids(conn, catalog)
        line = find_session(conn, own, session_id)
        try:
            story = explain(conn, own, parts.settings, now, session_id, parts.reach(conn))
        except LedgerRefusal:
            return page(request, "gone.html", now, 404, words="There is no such session.")
    preview = parts.previews.of(session_id)
    return page(
        request,
        "session.html",
        now,
        session_id=session_id,
        line=line,
        story=story,
        preview=preview,
        months=months_of(preview.value) if preview.value else [],
        state_words=STATE_WORDS,
    )


def months_of(preview: Preview) -> Sequence[tuple[date, Sequence[Sequence[PreviewDate | date]]]]:
    """The preview as months: their first days, and weeks from Monday of all their days."""
    by_date = {each.date: each for each in preview.dates}
    firsts = sorted({day.replace(day=1) for day in by_date})
    return [(first, weeks_of(first, by_date)) for first in firsts]


def weeks_of(
    first: date, by_date: dict[date, PreviewDate]
) -> Sequence[Sequence[PreviewDate | date]]:
    """Weeks from Monday; days of other months are left blank, as each date is shown once."""
    day = first - timedelta(days=first.weekday())
    weeks = []
    while day <= first or day.month == first.month:
        days = [day + timedelta(days=number) for number in range(7)]
        weeks.append(
            [by_date.get(each, each) if each.month == first.month else each for each in days]
        )
        day += timedelta(days=7)
    return weeks


def person(request: Request) -> Response:
    """A person: coming sessions, and the messages about starts of the last week and later."""
    parts, person_id = parts_of(request), int(request.path_params["person_id"])
    catalog = site_catalog(parts.engine)
    with parts.reading() as conn:
        now = database_now(conn)
        own = with_taken_ids(conn, catalog)
        profile = find_profile(conn, own, person_id) if person_id <= LARGEST_ID else None
        if profile is None:
            return page(request, "gone.html", now, 404, words="There is no such person.")
        day = now.astimezone(parts.settings.zone).date()
        coming = sessions_of(conn, own, profile, day, day + WEEKS_SHOWN, SHOWN)
        sent = deliveries_to(conn, person_id, now - MESSAGES_SHOWN, SHOWN)
    return page(request, "person.html", now, profile=profile, sessions=coming, deliveries=sent)


def search(request: Request) -> Response:
    """What the words may mean: people, a session, messages. One session alone is shown itself."""
    parts, words = parts_of(request), request.query_params.get("q", "").strip()[:200]
    words = words.replace("\0", "")
    if not words:
        return page(request, "search.html", datetime.now(UTC), people=[], line=None, deliveries=[])
    number = int(words) if words.isdecimal() and int(words) <= LARGEST_ID else None
    catalog = site_catalog(parts.engine)
    with parts.reading() as conn:
        now = database_now(conn)
        own = with_taken_ids(conn, catalog)
        people = find_people(conn, own, words, FOUND)
        line = find_session(conn, own, number) if number is not None else None
        deliveries = find_deliveries(conn, words, FOUND)
    if line is not None and not people and not deliveries:
        return RedirectResponse(f"/sessions/{line.session_id}", 303)
    return page(
        request, "search.html", now, people=people, line=line, deliveries=deliveries
    )  # fmt: skip

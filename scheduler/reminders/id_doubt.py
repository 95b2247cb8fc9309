"""Daily check of which table's ids tutor_id and student_id hold. In doubt, all messages are held.
Source: design, "Whose id it is".
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog, with_taken_ids
from models.taken_ids import ProfileKey, TakenIds, take_ids, taken_ids
from scheduler.reminders.moves.doubtful_people import forget_unsent, release_doubted
from scheduler.reminders.moves.held_batches import hold_all
from scheduler.reminders.progress import plan_all_anew
from scheduler.settings import IdKind, Settings
from scheduler.site.id_reading import (
    STUDENT,
    TUTOR,
    WEAK,
    Reading,
    Why,
    contradiction,
    question,
    read_ids,
)
from scheduler.turns import wait_planning_turn

WHOSE_IDS = "whose_ids"
LOOK_EVERY = timedelta(days=1)
# While messages are held, the cure should be noticed soon.
IN_DOUBT_EVERY = timedelta(minutes=1)


class WhoseIds(Exception):
    """The ids of the sessions' people can be read in two ways. All messages are held."""

    def __init__(self, doubt: str) -> None:
        super().__init__(f"{doubt}. Nothing is sent until then.")


def hold_in_doubt(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> str | None:
    """Hold all messages while the ids are in doubt. Returns the question to the admin, or None.

    Reads the site's rows where a check is due. Runs in one transaction of the caller's.
    """
    taken = taken_ids(conn)
    if is_due(taken, settings, now) or is_begun(conn, taken):
        wait_planning_turn(conn)
        taken = look_at_ids(conn, catalog, settings, now)
    if taken.doubt is not None:
        hold_all(conn, WHOSE_IDS, taken.doubt)
    return taken.doubt


def is_due(taken: TakenIds, settings: Settings, now: datetime) -> bool:
    """True where a setting changed since the last check, or the check is old."""
    if taken.looked_at is None:
        return True
    if differs(settings.tutor_ids, taken.tutor, taken.tutor_why):
        return True
    if differs(settings.student_ids, taken.student, taken.student_why):
        return True
    every = LOOK_EVERY if taken.doubt is None else IN_DOUBT_EVERY
    return not now - every < taken.looked_at <= now


ANY_SESSION = text("SELECT EXISTS (SELECT FROM tutor_sessions)")


def is_begun(conn: Connection, taken: TakenIds) -> bool:
    """True where there are sessions now and were none at the last check."""
    none = Why.NO_ROWS in (taken.tutor_why, taken.student_why)
    return none and bool(conn.scalar(ANY_SESSION))


def differs(said: IdKind, key: ProfileKey | None, why: str | None) -> bool:
    """True where the admin's setting differs from the one that the last check used."""
    if said is IdKind.JUDGED:
        return why == Why.SAID
    return why != Why.SAID or said.value != key


def look_at_ids(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> TakenIds:
    """Check the rows and record the result. Messages planned by another reading are planned anew.

    The caller holds the planning turn, or is setting up.
    """
    before = taken_ids(conn)
    seen = with_taken_ids(conn, catalog)
    said = {TUTOR: said_key(settings.tutor_ids), STUDENT: said_key(settings.student_ids)}
    tutor, student = read_ids(conn, seen, said)
    (tutor_key, tutor_why), (student_key, student_why) = (
        stands(tutor, before.tutor, before.tutor_why),
        stands(student, before.student, before.student_why),
    )
    doubts = [*doubt(tutor, tutor_key, tutor_why), *doubt(student, student_key, student_why)]
    words = "; ".join(doubts) or None
    taken = TakenIds(tutor_key, tutor_why, student_key, student_why, words, now)
    take_ids(conn, taken)
    if (tutor_key or seen.tutor_key, student_key or seen.student_key) != (
        seen.tutor_key,
        seen.student_key,
    ):
        forget_unsent(conn, now)
        plan_all_anew(conn)  # what has begun by the next sweep would be told to nobody
    if words is None:
        release_doubted(conn, now)
    return taken


def said_key(said: IdKind) -> ProfileKey | None:
    """The key that the admin's setting names; None where the rows are to decide."""
    return None if said is IdKind.JUDGED else ProfileKey(said.value)


def stands(
    reading: Reading, key: ProfileKey | None, why: str | None
) -> tuple[ProfileKey | None, str | None]:
    """The key to use from now on, and why: the one used before, unless it was weakly founded or an
    admin's setting that has changed."""
    if reading.why is Why.SAID or key is None or why is None or why == Why.SAID or why in WEAK:
        return reading.key, reading.why
    return key, why


def doubt(reading: Reading, key: ProfileKey | None, why: str | None) -> Iterator[str]:
    """One line where the key of a column cannot be determined, or the rows contradict it."""
    if key is None:
        yield question(reading)
    elif why != Why.SAID and (words := contradiction(reading.column, key, reading.values)):
        yield words

"""Doubt about whose ids the sessions hold: looked for each day; while it lasts, messages are held.

Source: design, "Whose id it is".
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog, with_taken_ids
from models.taken_ids import ProfileKey, TakenIds, take_ids, taken_ids
from scheduler.reminders.moves.held_batches import hold_all
from scheduler.reminders.moves.history import noted
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
# What is in doubt may be mended at any time, and holds everything until it is seen.
IN_DOUBT_EVERY = timedelta(minutes=1)


class WhoseIds(Exception):
    """The sessions' people can be read in two ways. Everything is held."""

    def __init__(self, doubt: str) -> None:
        super().__init__(f"{doubt}. Nothing is sent until then.")


def hold_in_doubt(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> str | None:
    """What an admin has to say before anything is sent, or None; then nothing is held for it.

    Looks at the rows where that is due. One transaction of the caller's.
    """
    taken = taken_ids(conn)
    if is_due(taken, settings, now) or is_begun(conn, taken):
        wait_planning_turn(conn)
        taken = look_at_ids(conn, catalog, settings, now)
    if taken.doubt is not None:
        hold_all(conn, WHOSE_IDS, taken.doubt)
    return taken.doubt


def is_due(taken: TakenIds, settings: Settings, now: datetime) -> bool:
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
    """Whether there are sessions, and were none at the last look."""
    none = Why.NO_ROWS in (taken.tutor_why, taken.student_why)
    return none and bool(conn.scalar(ANY_SESSION))


def differs(said: IdKind, key: ProfileKey | None, why: str | None) -> bool:
    """Whether a setting was made, changed or taken away since."""
    if said is IdKind.JUDGED:
        return why == Why.SAID
    return why != Why.SAID or said.value != key


def look_at_ids(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> TakenIds:
    """Judge by the rows, and note it. What was planned by another reading is planned anew.

    The caller has the planning turn, or is setting up.
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
        forget_unsent(conn)
    if words is None:
        release(conn, now)
    return taken


def said_key(said: IdKind) -> ProfileKey | None:
    return None if said is IdKind.JUDGED else ProfileKey(said.value)


def stands(
    reading: Reading, key: ProfileKey | None, why: str | None
) -> tuple[ProfileKey | None, str | None]:
    """What is taken from now on: what was taken before stands, unless it was no more than a
    beginning or an admin's word that has changed."""
    if reading.why is Why.SAID or key is None or why is None or why == Why.SAID or why in WEAK:
        return reading.key, reading.why
    return key, why


def doubt(reading: Reading, key: ProfileKey | None, why: str | None) -> Iterator[str]:
    if key is None:
        yield question(reading)
    elif why != Why.SAID and (words := contradiction(reading.column, key, reading.values)):
        yield words


# Indexes: delivery_ready, delivery_leased, delivery_stuck. Nobody has been handed anything of them;
# the next pass plans them by the new reading.
HELD_HERE = """state = 'held' AND batch IN (
           SELECT id FROM session_worker.held_batch
            WHERE cause = 'whose_ids' AND settled_at IS NULL)"""
FORGET_UNSENT = text(f"""
    DELETE FROM session_worker.delivery
     WHERE attempts = 0 AND (state IN ('planned', 'claimed') OR {HELD_HERE})""")
# Index: delivery_retry.
DROP_TRIED = noted(f"""
    UPDATE session_worker.delivery
       SET state = 'obsolete', reason = 'whose_ids', retry_at = NULL,
           holder = NULL, lease_until = NULL
     WHERE state IN ('planned', 'claimed') OR {HELD_HERE}
        OR state IN ('failed', 'unknown') AND retry_at IS NOT NULL
    RETURNING id, state, reason""")


def forget_unsent(conn: Connection) -> None:
    """What waited to be sent goes: it may be for somebody else."""
    conn.execute(FORGET_UNSENT)
    conn.execute(DROP_TRIED)


# A few rows; delivery_stuck.
RELEASE = noted("""
    UPDATE session_worker.delivery d SET state = 'planned', reason = 'ids_told'
      FROM session_worker.held_batch b
     WHERE b.cause = 'whose_ids' AND b.settled_at IS NULL
       AND d.batch = b.id AND d.state = 'held'
    RETURNING d.id, d.state, d.reason""")
SETTLE = text("""
    UPDATE session_worker.held_batch SET settled_at = :now
     WHERE cause = 'whose_ids' AND settled_at IS NULL""")


def release(conn: Connection, now: datetime) -> None:
    """held → planned: what is still true of it goes out."""
    conn.execute(RELEASE)
    conn.execute(SETTLE, {"now": now})

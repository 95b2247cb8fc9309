"""Checks of series and sessions: resting series, mass deletions, duplicates, unequal groups."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient, some
from scheduler.expansion.admin.absences import list_staying
from scheduler.expansion.find.gone_rows import COULD_NOT_FOLLOW
from scheduler.expansion.span import Span
from scheduler.finding import Finding, error, note, warning
from scheduler.words import many

# One row for each rule, so small beside tutor_sessions.
RESTING = text("""
    SELECT state, count(*) AS rules, mode() WITHIN GROUP (ORDER BY reason) AS mostly,
           (array_agg(anchor_id ORDER BY changed_at DESC, anchor_id))[1\\:5] AS ids
      FROM session_worker.series WHERE state IN ('paused', 'ended') GROUP BY state ORDER BY 1""")
WHEN_THEY_GO_ON = {
    "paused": "the series continue by themselves once the people or the enrolment are back",
    "ended": "celery -A tasks series reopen continues a series that an admin ended",
}


def check_resting_series(patient: Patient) -> Iterator[Finding]:
    """Series that get no rows, although their anchors may still carry a rule."""
    for row in patient.conn.execute(RESTING):
        yield note(
            f"series_{row.state}",
            f"{many(row.rules, 'rule')} {row.state}, mostly {row.mostly}, so no rows are made:"
            f" sessions {some(row.ids, row.rules)}",
            WHEN_THEY_GO_ON[row.state],
        )


# Index: occurrence_open, for occurrences that another session blocks; there are few reasons.
BEHIND = text(f"""
    SELECT count(*) AS rows, count(DISTINCT anchor_id) AS rules, min(anchor_id) AS first,
           (array_agg(session_id ORDER BY occurs_on, session_id))[1\\:5] AS ids,
           mode() WITHIN GROUP (ORDER BY reason) AS mostly
      FROM session_worker.occurrence o
     WHERE {COULD_NOT_FOLLOW.format("o")} AND occurs_on >= :today""")


def check_rows_behind(patient: Patient) -> Iterator[Finding]:
    """Rows that could not follow their rule to a new time or to new people (design, "Movers")."""
    row = patient.conn.execute(BEHIND, {"today": patient.today}).one()
    if row.rows:
        yield error(
            "could_not_follow",
            f"{many(row.rows, 'row')} of {many(row.rules, 'rule')} could not follow a change and"
            f" are still as before, mostly {row.mostly}: sessions {some(row.ids, row.rows)}",
            f"celery -A tasks preview {row.first} names what is in the way; move or cancel that",
        )


# A handful of rows.
STOPPED_BACKFILLS = text("""
    SELECT b.id, b.from_date, b.until_date,
           count(*) FILTER (WHERE c.state = 'pending') AS pending,
           count(*) FILTER (WHERE c.state = 'failed') AS failed
      FROM session_worker.backfill b
      JOIN session_worker.backfill_chunk c ON c.backfill_id = b.id
     WHERE b.stopped_at IS NOT NULL AND b.finished_at IS NULL
     GROUP BY 1, 2, 3 ORDER BY 1""")


def check_backfills(patient: Patient) -> Iterator[Finding]:
    """Backfills that were stopped, and wait for an admin to resume them."""
    for row in patient.conn.execute(STOPPED_BACKFILLS):
        yield error(
            "backfill_stopped",
            f"backfill {row.id} from {row.from_date} to {row.until_date} was stopped with"
            f" {many(row.pending, 'chunk')} to do",
            f"celery -A tasks backfill --resume {row.id}",
        )


# Coming dates that were deleted look like a mistake from this number and this share of all on.
MANY_DELETED, PART_DELETED = 20, 0.2

# Index: occurrence's primary key, by anchor; a series has a few tens of coming dates.
DELETED = text("""
    SELECT count(*) FILTER (WHERE state = 'deleted') AS deleted, count(*) AS dates,
           count(DISTINCT anchor_id) FILTER (WHERE state = 'deleted') AS rules
      FROM session_worker.occurrence WHERE occurs_on >= :today""")


def check_deletions(patient: Patient) -> Iterator[Finding]:
    """Rules with many deleted dates to come, maybe by mistake; these are not filled again."""
    row = patient.conn.execute(DELETED, {"today": patient.today}).one()
    if row.deleted >= MANY_DELETED and row.deleted >= PART_DELETED * row.dates:
        yield warning(
            "many_deleted",
            f"{row.deleted} of {row.dates} coming dates of {many(row.rules, 'rule')} were deleted",
            "if that was a mistake: celery -A tasks backfill FROM UNTIL --refill-deleted",
        )


# Index: (session_date, start_time) of tutor_sessions where there is one.
DOUBLED = text("""
    WITH doubled AS (
        SELECT min(t.id) AS id, max(t.id) AS other FROM tutor_sessions t
         WHERE t.session_date BETWEEN :first AND :last
           AND lower(trim(t.status::text)) = 'scheduled'
         GROUP BY t.tutor_id, t.student_id, t.session_date, t.start_time HAVING count(*) > 1)
    SELECT count(*) AS pairs, (array_agg(id || ' and ' || other ORDER BY id))[1\\:5] AS named
      FROM doubled""")


def check_doubled_sessions(patient: Patient) -> Iterator[Finding]:
    """Two live sessions of one pair at one start, such as one entered by hand during a run."""
    row = patient.conn.execute(DOUBLED, _coming(patient)).one()
    if row.pairs:
        yield warning(
            "doubled_sessions",
            f"{many(row.pairs, 'pair')} of sessions with the same tutor, student and start:"
            f" {'; '.join(row.named)}",
            "cancel or delete one of each pair on the site; each person is told only once",
        )


# Index: the same. A group is one lesson, so its sessions should agree.
GROUPS = """
    WITH slot AS (
        SELECT (array_agg(t.id ORDER BY t.id))[1\\:3] AS ids FROM tutor_sessions t
         WHERE t.session_date BETWEEN :first AND :last
           AND lower(trim(t.status::text)) = 'scheduled'
         GROUP BY t.tutor_id, t.session_date, t.start_time, t.end_time
        HAVING count(DISTINCT t.student_id) > 1 AND ({differs}))
    SELECT count(*) AS slots, (array_agg(array_to_string(ids, ', ') ORDER BY ids))[1\\:5] AS named
      FROM slot"""
ALIKE_IN_A_GROUP = ("subject", "mode", "location", "meeting_link")


def check_groups(patient: Patient) -> Iterator[Finding]:
    """Sessions of one tutor in one slot that differ in subject, mode or place (design, "Group")."""
    catalog = patient.catalog
    columns = [name for name in ALIKE_IN_A_GROUP if catalog.has("tutor_sessions", name)]
    differs = " OR ".join(
        f"count(DISTINCT coalesce(t.{name}\\:\\:text, '')) > 1" for name in columns
    )
    row = patient.conn.execute(text(GROUPS.format(differs=differs)), _coming(patient)).one()
    if row.slots:
        yield note(
            "group_differs",
            f"{many(row.slots, 'group lesson')} whose sessions differ in subject, mode or place:"
            f" sessions {'; '.join(row.named)}",
            "make them alike on the site, or give one another time",
        )


def check_absent_people(patient: Patient) -> Iterator[Finding]:
    """Coming sessions of people who are absent, which only a person can decide on."""
    span = Span.ahead(patient.catalog, patient.settings, patient.now)
    stay = list_staying(patient.conn, span, None)
    ids = list(dict.fromkeys(one.session_id for one in stay if one.session_id is not None))
    if ids:
        yield warning(
            "in_an_absence",
            f"{many(len(ids), 'coming session')} on days of an absence, which the worker leaves to"
            " people (placed, entered by hand, or with a rule): sessions"
            f" {some(ids[:5], len(ids))}",
            "cancel or move them on the site, or let them be: `celery -A tasks absence list` shows"
            " the absences with their sessions",
        )


def _coming(patient: Patient) -> dict[str, object]:
    """Parameters of the dates that expansion fills."""
    last = patient.today + timedelta(days=patient.settings.expand_days)
    return {"first": patient.today, "last": last}

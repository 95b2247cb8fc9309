"""Back-off of series that the site refused. They are tried again after 2 minutes, doubling up to
6 hours, and at once when the site's constraints, the rule or its absences change."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span
from scheduler.site.absences import ABSENCES_OF, AWAY, JOIN_AWAY

FIRST_WAIT = timedelta(minutes=2)
LONGEST_WAIT = timedelta(hours=6)


def due_retries(conn: Connection, span: Span) -> set[int]:
    """Anchors of refused series that are due for another try."""
    return set(conn.scalars(DUE, {"as_of": span.as_of, "guards": span.catalog.guards}))


# Few rows. `tried_at > :as_of` ends waits that a clock set back would make too long.
DUE = text("""
    SELECT anchor_id FROM session_worker.refused
     WHERE retry_at <= :as_of OR guards <> :guards OR tried_at > :as_of""")


def waiting(conn: Connection, span: Span) -> set[int]:
    """Anchors of refused series that are not due and unchanged since the last try.
    Index: primary key of tutor_sessions."""
    return set(conn.scalars(WAITING, {"as_of": span.as_of, "guards": span.catalog.guards}))


WAITING = text(f"""
    WITH {AWAY}
    SELECT r.anchor_id FROM session_worker.refused r
      JOIN tutor_sessions t ON t.id = r.anchor_id AND t.xmin::text = r.version
      LEFT JOIN session_worker.series s ON s.anchor_id = r.anchor_id {JOIN_AWAY}
     WHERE r.retry_at > :as_of AND r.guards = :guards AND r.tried_at <= :as_of
       AND r.absences = {ABSENCES_OF}""")


def any_due(conn: Connection, as_of: datetime) -> bool:
    """True where a refused series is due for another try. Index: refused_retry."""
    return conn.scalar(ANY_DUE, {"as_of": as_of}) is not None


ANY_DUE = text("""
    SELECT 1 FROM session_worker.refused WHERE retry_at <= :as_of OR tried_at > :as_of LIMIT 1""")


def record_refused(conn: Connection, span: Span, ids: Iterable[int], tried: Sequence[int]) -> None:
    """Record the anchors in `ids` as refused, in part or whole; forget the others of `tried`."""
    refused = sorted(ids)
    conn.execute(FORGET, {"tried": list(tried), "refused": refused})
    if refused:
        conn.execute(
            RECORD,
            {
                "refused": refused,
                "as_of": span.as_of,
                "guards": span.catalog.guards,
                "first": FIRST_WAIT,
                "longest": LONGEST_WAIT,
            },
        )


FORGET = text("""
    DELETE FROM session_worker.refused
     WHERE anchor_id = ANY(CAST(:tried AS bigint[]))
       AND anchor_id <> ALL(CAST(:refused AS bigint[]))""")
RECORD = text(f"""
    WITH {AWAY}
    INSERT INTO session_worker.refused AS r
           (anchor_id, version, guards, absences, failures, tried_at, retry_at)
    SELECT i.id, coalesce(t.xmin::text, ''), :guards, {ABSENCES_OF}, 1, :as_of,
           CAST(:as_of AS timestamptz) + CAST(:first AS interval)
      FROM unnest(CAST(:refused AS bigint[])) AS i(id) LEFT JOIN tutor_sessions t ON t.id = i.id
      LEFT JOIN session_worker.series s ON s.anchor_id = i.id {JOIN_AWAY}
        ON CONFLICT (anchor_id) DO UPDATE
       SET version = excluded.version, guards = excluded.guards, tried_at = excluded.tried_at,
           absences = excluded.absences,
           failures = r.failures + 1,
           retry_at = excluded.tried_at + least(CAST(:longest AS interval),
               CAST(:first AS interval) * power(2, least(r.failures, 20)))""")

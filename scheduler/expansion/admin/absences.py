"""Absences as an admin enters, lists and withdraws them; what each touches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import Connection, Engine, text

from models.catalog import SiteCatalog, read_catalog
from models.taken_ids import ProfileKey
from scheduler.expansion import expand_ids
from scheduler.expansion.chunk import decide
from scheduler.expansion.report import Failure, Written
from scheduler.expansion.span import Span
from scheduler.settings import Settings
from scheduler.site.absences import ABSENCES_OF, AWAY, JOIN_AWAY, concerns, covers
from scheduler.site.session_times import readable_date, session_end, session_start
from scheduler.turns import wait_expansion_turn

PAGE = 2_000  # series that are planned at once


class AbsenceRefused(Exception):
    """An absence that cannot be entered or withdrawn as asked. One line with a cure."""


@dataclass(frozen=True, slots=True)
class NewAbsence:
    """An absence to enter. `tutor_id`, `student_id`: as tutor_sessions holds them; both None:
    everybody. The days are inclusive; the hours are wall times of each day."""

    tutor_id: int | None
    student_id: int | None
    first_day: date
    last_day: date
    from_time: time | None = None
    until_time: time | None = None
    reason: str = ""

    @property
    def is_empty(self) -> bool:
        """True where its hours end before they begin."""
        return self.until_time is not None and self.until_time <= (self.from_time or time.min)


class Action(StrEnum):
    """What becomes of a session."""

    CANCEL = "cancel"  # it is cancelled
    RESTORE = "restore"  # it was cancelled, and is scheduled again
    INSERT = "insert"  # a date gets a new session
    STAY = "stay"  # it is a person's, and is not written


@dataclass(frozen=True, slots=True)
class Touched:
    """A session on a covered day, or one that a rule gets or loses at its end for it.

    `session_id`: None for a session still to be made. `rule`: the session that carries its rule.
    """

    action: Action
    session_id: int | None
    rule: int | None
    date: date
    start_time: time
    tutor_id: int
    student_id: int
    why: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What entering or withdrawing an absence does. `id`: None for a rehearsal of a new one.

    `rows`: what was written, or would be; `failed`: series that could not be expanded.
    """

    id: int | None
    dry_run: bool
    sessions: tuple[Touched, ...]
    rows: Written
    failed: tuple[Failure, ...] = ()


def rehearse_absence(
    engine: Engine, settings: Settings, as_of: datetime, new: NewAbsence
) -> Effect:
    """What `add_absence` would do. Writes nothing. Raises AbsenceRefused."""
    return _rehearse(
        engine, settings, as_of, lambda conn, catalog: _insert_rehearsed(conn, catalog, new)
    )


def add_absence(engine: Engine, settings: Settings, as_of: datetime, new: NewAbsence) -> Effect:
    """Enter an absence, and expand the series that it concerns. Raises AbsenceRefused.

    Where the expansion is interrupted, the next one finishes it.
    """
    foreseen = rehearse_absence(engine, settings, as_of, new)
    write: Write = lambda conn, catalog: _insert(conn, catalog, new)  # noqa: E731
    return _carry_out(engine, settings, as_of, write, foreseen)


def rehearse_withdrawal(engine: Engine, settings: Settings, as_of: datetime, number: int) -> Effect:
    """What `withdraw_absence` would do. Writes nothing. Raises AbsenceRefused."""
    return _rehearse(engine, settings, as_of, lambda conn, _: _withdraw(conn, number))


def withdraw_absence(engine: Engine, settings: Settings, as_of: datetime, number: int) -> Effect:
    """Withdraw the absence, and expand the series that it concerned. Raises AbsenceRefused."""
    foreseen = rehearse_withdrawal(engine, settings, as_of, number)
    write: Write = lambda conn, _: _withdraw(conn, number)  # noqa: E731
    return _carry_out(engine, settings, as_of, write, foreseen)


# Writes the absence, and returns its id.
Write = Callable[[Connection, SiteCatalog], int]


def _carry_out(
    engine: Engine, settings: Settings, as_of: datetime, write: Write, foreseen: Effect
) -> Effect:
    with engine.begin() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        number = write(conn, span.catalog)
        ids = _concerned(conn, number)
    outcome = expand_ids(engine, span, ids)
    return replace(foreseen, id=number, dry_run=False, rows=outcome.written, failed=outcome.failed)


def _rehearse(engine: Engine, settings: Settings, as_of: datetime, write: Write) -> Effect:
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        wait_expansion_turn(conn)
        number = write(conn, span.catalog)
        ids = _concerned(conn, number)
        sessions = [one for page in _pages(ids) for one in _planned(conn, span, page)]
        gone = [one.session_id for one in sessions if one.action is Action.CANCEL]
        sessions += list_staying(conn, span, number, gone)
        conn.rollback()
    acts = [one.action for one in sessions]
    rows = Written(acts.count(Action.INSERT), acts.count(Action.RESTORE), acts.count(Action.CANCEL))
    ordered = sorted(sessions, key=lambda one: (one.date, one.start_time, one.session_id or 0))
    return Effect(None, True, tuple(ordered), rows)


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


INSERT = text("""
    INSERT INTO session_worker.absence
           (tutor_id, student_id, first_day, last_day, from_time, until_time, reason)
    VALUES (:tutor_id, :student_id, :first_day, :last_day, :from_time, :until_time, :reason)
    RETURNING id""")
# A number of its own, so that a rehearsal takes none of the table's.
INSERT_REHEARSED = text(
    INSERT.text.replace("(tutor_id,", "(id, tutor_id,").replace("(:tutor_id,", "(-1, :tutor_id,")
)


def _insert(conn: Connection, catalog: SiteCatalog, new: NewAbsence) -> int:
    _refuse_unknown(conn, catalog, new)
    return int(conn.scalars(INSERT, _values(new)).one())


def _insert_rehearsed(conn: Connection, catalog: SiteCatalog, new: NewAbsence) -> int:
    _refuse_unknown(conn, catalog, new)
    return int(conn.scalars(INSERT_REHEARSED, _values(new)).one())


def _values(new: NewAbsence) -> dict[str, object]:
    return {name: getattr(new, name) for name in NewAbsence.__slots__}


def _refuse_unknown(conn: Connection, catalog: SiteCatalog, new: NewAbsence) -> None:
    for id_, role, key in (
        (new.tutor_id, "tutor", catalog.tutor_key),
        (new.student_id, "student", catalog.student_key),
    ):
        if id_ is not None and not conn.scalar(text(_is_known(role, key)), {"id": id_}):
            raise AbsenceRefused(
                f"there is no {role} {id_}: give an id as tutor_sessions.{role}_id holds it."
            )


def _is_known(role: str, key: ProfileKey) -> str:
    """SQL of whether anybody has this id. Index: the primary key; the table is scanned only for an
    id that no profile has."""
    column = "id" if key is ProfileKey.PROFILE else "user_id"
    return f"""
        SELECT EXISTS (SELECT FROM {role}_profiles WHERE {column} = :id)
            OR EXISTS (SELECT FROM tutor_sessions WHERE {role}_id = :id)"""


WITHDRAW = text("""
    UPDATE session_worker.absence SET withdrawn_at = now()
     WHERE id = :id AND withdrawn_at IS NULL""")
WITHDRAWN_AT = text("SELECT withdrawn_at FROM session_worker.absence WHERE id = :id")


def _withdraw(conn: Connection, number: int) -> int:
    if conn.execute(WITHDRAW, {"id": number}).rowcount:
        return number
    row = conn.execute(WITHDRAWN_AT, {"id": number}).one_or_none()
    if row is None:
        raise AbsenceRefused(
            f"there is no absence {number}: `celery -A tasks absence list` shows them."
        )
    raise AbsenceRefused(f"absence {number} was withdrawn before, on {row.withdrawn_at:%Y-%m-%d}.")


# Series of the absence's people that have not been expanded with it.
CONCERNED = text(f"""
    WITH {AWAY}
    SELECT s.anchor_id FROM session_worker.series s
      JOIN session_worker.absence a ON a.id = :id AND {concerns("a", "s")} {JOIN_AWAY}
     WHERE s.absences <> {ABSENCES_OF} ORDER BY 1""")


def _concerned(conn: Connection, number: int) -> list[int]:
    return list(conn.scalars(CONCERNED, {"id": number}))


# Index: primary keys.
PLANNED = text("""
    SELECT CASE c.kind WHEN 'cancel' THEN 'cancel' ELSE 'restore' END, c.session_id, c.anchor_id,
           t.session_date, t.start_time, t.tutor_id, t.student_id, NULL
      FROM sw_change c JOIN tutor_sessions t ON t.id = c.session_id
     WHERE c.kind IN ('cancel', 'revive')
    UNION ALL
    SELECT 'insert', NULL, anchor_id, occurs_on, start_time, tutor_id, student_id, NULL
      FROM sw_candidate WHERE kind = 'insert' AND verdict = 'place'""")


def _planned(conn: Connection, span: Span, ids: Sequence[int]) -> list[Touched]:
    """What the next run would do to these series. Fills the plan's tables."""
    decide(conn, span, ids)
    return [Touched(Action(row[0]), *row[1:]) for row in conn.execute(PLANNED)]


def list_staying(
    conn: Connection, span: Span, number: int | None, but: Sequence[int | None] | None = None
) -> list[Touched]:
    """Coming sessions that are live in spite of the absence, or of any (None): a person placed them
    or entered them by hand, or they carry a rule. `but`: of a rehearsal, the ids of those that are
    cancelled; None: rows that the next run will cancel are left out."""
    parameters = {
        "id": number,
        "but": [id_ for id_ in but or () if id_ is not None],
        "rehearsed": but is not None,
        "zone": span.settings.site_timezone,
        "as_of": span.as_of,
        "default_minutes": span.settings.default_duration_minutes,
    }
    rows = conn.execute(text(staying(span.catalog)), parameters)
    return [Touched(Action.STAY, *row) for row in rows]


# Index: (session_date, start_time) of tutor_sessions where there is one; occurrence_session.
def staying(catalog: SiteCatalog) -> str:
    """SQL of `list_staying`. A row that the next run will cancel does not stay."""
    starts, ends, day = session_start("t"), session_end(catalog, "t"), readable_date("t")
    return f"""
    WITH {AWAY}
    SELECT t.id, o.anchor_id, t.session_date, t.start_time, t.tutor_id, t.student_id,
           CASE WHEN t.is_recurring THEN 'it carries a rule'
                WHEN o.state = 'created' THEN 'a person placed it'
                WHEN o.state = 'adopted' THEN 'it was there before its rule'
                ELSE 'no rule made it' END
      FROM session_worker.absence a
      JOIN tutor_sessions t
        ON t.session_date BETWEEN a.first_day - 1 AND a.last_day AND {concerns("a", "t")}
       AND {covers("a", day, starts, ends)}
      LEFT JOIN LATERAL (
          SELECT o.anchor_id, o.state FROM session_worker.occurrence o
           WHERE o.session_id = t.id ORDER BY o.state = 'created' DESC, o.anchor_id LIMIT 1) o
        ON true
      LEFT JOIN session_worker.series s ON s.anchor_id = o.anchor_id {JOIN_AWAY}
     WHERE (CAST(:id AS bigint) IS NULL OR a.id = :id) AND a.withdrawn_at IS NULL
       AND a.last_day >= CAST(:as_of AS timestamptz)::date - 2
       AND t.id <> ALL(CAST(:but AS bigint[]))
       AND session_worker.status_of(t.status::text) = 'scheduled'
       AND session_worker.instant({starts}, :zone) > :as_of
       AND (:rehearsed OR o.state IS DISTINCT FROM 'created'
            OR s.absences = {ABSENCES_OF})
     ORDER BY t.session_date, t.start_time, t.id"""


@dataclass(frozen=True, slots=True)
class AbsenceLine:
    """An absence. `left_out`: dates without a session for it; `staying`: ids of coming sessions
    that are live in spite of it."""

    id: int
    tutor_id: int | None
    student_id: int | None
    first_day: date
    last_day: date
    from_time: time | None
    until_time: time | None
    reason: str
    entered_at: datetime
    withdrawn_at: datetime | None
    left_out: int
    staying: tuple[int, ...]


# Index: occurrence_absence.
LIST = text("""
    SELECT a.id, a.tutor_id, a.student_id, a.first_day, a.last_day, a.from_time, a.until_time,
           a.reason, a.entered_at, a.withdrawn_at,
           (SELECT count(*) FROM session_worker.occurrence o WHERE o.absence = a.id) AS left_out
      FROM session_worker.absence a
     WHERE CAST(:since AS date) IS NULL OR a.last_day >= :since AND a.withdrawn_at IS NULL
     ORDER BY a.first_day, a.id""")


def list_absences(
    engine: Engine, settings: Settings, as_of: datetime, since: date | None
) -> tuple[AbsenceLine, ...]:
    """The absences that stand and last until `since` (a date at the site) or longer; None: all."""
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        found = []
        for row in conn.execute(LIST, {"since": since}).all():
            stay = list_staying(conn, span, row.id) if row.withdrawn_at is None else []
            ids = tuple(one.session_id for one in stay if one.session_id is not None)
            found.append(AbsenceLine(**row._asdict(), staying=ids))
        return tuple(found)

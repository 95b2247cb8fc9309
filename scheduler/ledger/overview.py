"""Overview for an admin: today's sessions and the week's, channels, and rules in trouble."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.ledger.recent_tries import first_try
from scheduler.site.series_people import people_joins

WEEK = timedelta(days=7)


def shown_name(catalog: SiteCatalog, user: str) -> str:
    """SQL of the name of a user under an alias: first and father's name, or NULL."""
    first, father = (catalog.read(user, "users", name) for name in ("first_name", "father_name"))
    return f"nullif(btrim(concat_ws(' ', {first}, {father})), '')"


@dataclass(frozen=True, slots=True)
class Day:
    """One date's sessions: all of them, those that take place, and those that nobody is told of."""

    date: date
    sessions: int
    live: int
    silent: int


# Index: (session_date, start_time) of tutor_sessions where there is one; else one scan.
DAYS = text("""
    SELECT session_date, count(*) AS sessions, count(*) FILTER (WHERE live) AS live,
           count(*) FILTER (WHERE live AND NOT told) AS silent
      FROM (SELECT session_date, session_worker.status_of(status::text) = 'scheduled' AS live,
                   notification_enabled IS TRUE OR alarm_enabled IS TRUE AS told
              FROM tutor_sessions
             WHERE session_date >= :first AND session_date < :until) s
     GROUP BY session_date ORDER BY session_date""")


def days_of_week(conn: Connection, today: date) -> Sequence[Day]:
    """Today and the six days after it, those without sessions included."""
    rows = conn.execute(DAYS, {"first": today, "until": today + WEEK})
    found = {row.session_date: Day(*row) for row in rows}
    dates = (today + timedelta(days=number) for number in range(WEEK.days))
    return [found.get(each, Day(each, 0, 0, 0)) for each in dates]


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session. `messages`: state → number of the messages about its start."""

    session_id: int
    date: date
    start: time | None
    subject: str
    status: str
    tutor: str | None
    tutor_user: int | None
    student: str | None
    student_user: int | None
    messages: dict[str, int]


# Index: (session_date, start_time) of tutor_sessions where there is one, else one scan;
# delivery_session for each session shown.
def lines_of_sessions(catalog: SiteCatalog, condition: str) -> str:
    """SQL of SessionLine for the rows of tutor_sessions that meet a condition, `:limit` at most."""
    return f"""
    WITH shown AS MATERIALIZED (
        SELECT id, tutor_id, student_id, session_date, start_time, subject, status
          FROM tutor_sessions WHERE {condition}
         ORDER BY session_date, start_time, id LIMIT :limit)
    SELECT s.id, s.session_date, s.start_time, s.subject, coalesce(s.status::text, ''),
           {shown_name(catalog, "tu")}, tu.id, {shown_name(catalog, "su")}, su.id,
           (SELECT coalesce(jsonb_object_agg(m.state, m.count), '{{}}')
              FROM (SELECT d.state, count(*) AS count FROM session_worker.delivery d
                     WHERE d.session_id = s.id GROUP BY d.state) m)
      FROM shown s {people_joins(catalog, "s")}
     ORDER BY s.session_date, s.start_time, s.id"""


COMING = "session_date = :day AND start_time >= :after"


def sessions_to_come(
    conn: Connection, catalog: SiteCatalog, day: date, after: time, limit: int
) -> Sequence[SessionLine]:
    """The date's sessions from a wall time on, the soonest first, at most `limit`."""
    parameters = {"day": day, "after": after, "limit": limit}
    rows = conn.execute(text(lines_of_sessions(catalog, COMING)), parameters)
    return [SessionLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class AbsentLine:
    """An absence of a date. `of`: tutor, student or everybody; `name`: of the person, None for
    everybody and where it is not known; `user`: users.id. `begins`, `ends`: None for whole days."""

    of: str
    name: str | None
    user: int | None
    profile: int | None
    first_day: date
    last_day: date
    begins: time | None
    ends: time | None


# One row for each absence within KEEP_DAYS; primary keys of profiles and users.
def absent_lines(catalog: SiteCatalog) -> str:
    """SQL of AbsentLine. The reason is left out: it may be an illness."""
    return f"""
    SELECT CASE WHEN a.tutor_id IS NOT NULL THEN 'tutor'
                WHEN a.student_id IS NOT NULL THEN 'student' ELSE 'everybody' END,
           CASE WHEN a.tutor_id IS NOT NULL THEN {shown_name(catalog, "tu")}
                ELSE {shown_name(catalog, "su")} END,
           coalesce(tu.id, su.id), coalesce(a.tutor_id, a.student_id),
           a.first_day, a.last_day, a.from_time, a.until_time
      FROM session_worker.absence a {people_joins(catalog, "a")}
     WHERE a.withdrawn_at IS NULL AND :today BETWEEN a.first_day AND a.last_day
     ORDER BY a.from_time NULLS FIRST, a.id LIMIT :limit"""


def absent_on(
    conn: Connection, catalog: SiteCatalog, today: date, limit: int
) -> Sequence[AbsentLine]:
    """The date's absences, whole days first, at most `limit`."""
    rows = conn.execute(text(absent_lines(catalog)), {"today": today, "limit": limit})
    return [AbsentLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ConflictLine:
    """A date without a row. `blocked_by`: the session in its way, None for another new row."""

    session_id: int
    date: date
    blocked_by: int | None
    subject: str | None


# Index: occurrence_open, primary key of series.
CONFLICTS = text("""
    SELECT o.anchor_id, o.occurs_on, o.blocked_by, s.written->>'subject'
      FROM session_worker.occurrence o
      JOIN session_worker.series s ON s.anchor_id = o.anchor_id
     WHERE o.state = 'conflict' AND o.occurs_on >= :today
     ORDER BY o.occurs_on, o.anchor_id LIMIT :limit""")


def conflicts_to_come(conn: Connection, today: date, limit: int) -> Sequence[ConflictLine]:
    """The next dates that another session blocks, at most `limit`."""
    rows = conn.execute(CONFLICTS, {"today": today, "limit": limit})
    return [ConflictLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class UnreadableRule:
    """A rule that cannot be read, with the row's own words."""

    session_id: int
    reason: str | None
    frequency: str | None
    pattern: str | None
    subject: str | None


# One row for each rule; primary key of tutor_sessions.
UNREADABLE = text("""
    SELECT s.anchor_id, s.reason, t.session_frequency::text, left(t.recurring_pattern::text, 300),
           t.subject
      FROM session_worker.series s LEFT JOIN tutor_sessions t ON t.id = s.anchor_id
     WHERE s.state = 'unreadable' ORDER BY s.anchor_id LIMIT :limit""")


def unreadable_rules(conn: Connection, limit: int) -> Sequence[UnreadableRule]:
    """Rules that cannot be read, at most `limit`."""
    return [UnreadableRule(*row) for row in conn.execute(UNREADABLE, {"limit": limit})]


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A channel's tries of the last hour. `last_words`: the provider's of the last failure in a
    day, without addresses."""

    channel: str
    in_minute: int
    in_hour: int
    failed_in_hour: int
    last_failed_at: datetime | None
    last_words: str | None


# Index: the primary key. What one message told of several sessions is one try.
CHANNELS = text("""
    SELECT channel,
           count(DISTINCT message_key) FILTER (WHERE outcome = 'sent' AND begun_at > :minute),
           count(DISTINCT message_key) FILTER (WHERE outcome = 'sent' AND begun_at > :hour),
           count(DISTINCT message_key) FILTER (WHERE outcome <> 'sent' AND begun_at > :hour),
           max(begun_at) FILTER (WHERE outcome <> 'sent'),
           (array_agg(words ORDER BY begun_at DESC) FILTER (WHERE outcome <> 'sent'))[1]
      FROM session_worker.attempt WHERE id > :first AND begun_at > :day
     GROUP BY channel ORDER BY channel""")


def channel_lines(conn: Connection, now: datetime) -> Sequence[ChannelLine]:
    """Channels that were tried in the last day."""
    spans = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
    since = {name: now - span for name, span in spans.items()}
    given = {**since, "first": first_try(conn, since["day"])}
    return [ChannelLine(*row) for row in conn.execute(CHANNELS, given)]


@dataclass(frozen=True, slots=True)
class TryLine:
    """A try that has ended, or a message that was only logged."""

    id: int
    at: datetime
    delivery_id: int
    session_id: int
    kind: str
    lead_minutes: int
    role: str
    channel: str
    outcome: str
    words: str | None


# Index: the primary key of attempt, from its end; then that of delivery.
LAST_TRIES = text("""
    SELECT a.id, coalesce(a.ended_at, a.begun_at), d.id, d.session_id, d.kind, d.lead_minutes,
           d.role, a.channel, a.outcome, a.words
      FROM (SELECT * FROM session_worker.attempt ORDER BY id DESC LIMIT :limit) a
      JOIN session_worker.delivery d ON d.id = a.delivery_id
     WHERE a.outcome IS NOT NULL ORDER BY a.id DESC""")
# Index: delivery_start. With OUTBOX=log nothing is tried.
LAST_LOGGED = text("""
    SELECT d.id, d.sent_at, d.id, d.session_id, d.kind, d.lead_minutes, d.role, d.channel, d.state,
           NULL
      FROM session_worker.delivery d
     WHERE d.starts_at > :since AND d.state = 'sent' AND d.channel = 'log'
     ORDER BY d.sent_at DESC LIMIT :limit""")


def last_tries(conn: Connection, limit: int) -> Sequence[TryLine]:
    """The last tries, the newest first."""
    return [TryLine(*row) for row in conn.execute(LAST_TRIES, {"limit": limit})]


def last_logged(conn: Connection, since: datetime, limit: int) -> Sequence[TryLine]:
    """The last messages that were only logged, about starts after `since`, the newest first."""
    rows = conn.execute(LAST_LOGGED, {"since": since, "limit": limit})
    return [TryLine(*row) for row in rows]

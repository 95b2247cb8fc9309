"""Facts of claimed messages, read for a few at once just before they are sent.

One statement reads everything that a message says and that decides if it is sent (promises 4 to 6).
`version` is that of the session row: its id, and the transaction that wrote it, which may have
written others too. `moves.begin_sending` refuses to send if it has changed since.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from models.catalog import SiteCatalog
from scheduler.message import Kind, Lesson, Recipient, one_message
from scheduler.reminders.read.last_told import (
    ENTRY,
    KNOWS,
    LAST_TOLD,
    MAY_HAVE_LEFT,
    OVERTAKEN,
    is_off,
    is_on,
)
from scheduler.reminders.read.lesson import lesson_of
from scheduler.reminders.read.still_true import FALLEN, LIVE, STARTS_AT, why_not_true
from scheduler.settings import Role, Settings
from scheduler.site.barred import barred
from scheduler.site.contacts import contact
from scheduler.site.preferences import preferences_of, stored, with_chat
from scheduler.site.series_people import enrolment_join, people_joins


@dataclass(frozen=True, slots=True)
class Tried:
    """Numbers of failed tries of a message on one channel.

    `tries`: failed because of the person or the message, limited by MAX_ATTEMPTS. `refusals`:
    refused for good. `unanswered`: without an answer. `failures`: all of these and the others.
    `undelivered`: accepted, and not delivered according to the receipt.
    """

    tries: int = 0
    refusals: int = 0
    unanswered: int = 0
    failures: int = 0
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """One ledger row and everything its message needs.

    `untrue`: reason why it is no longer true; `barred`: reason why this person gets no messages;
    both None where it may be sent. `tried`: by channel. `key`: id of the first try. `left_at`: Date
    of the last try that may have arrived, or None. `mute_key`: that of the person's link, if one
    was made. `by_admin`: an admin had it sent again or released it. `day`: an agenda's sessions.
    """

    id: int
    session_id: int
    kind: Kind
    starts_at: datetime
    too_late_at: datetime
    lead_minutes: int
    recipient_key: str
    key: UUID | None
    left_at: datetime | None
    attempts: int
    version: str | None
    untrue: str | None
    barred: str | None
    tried: Mapping[str, Tried]
    lesson: Lesson
    recipient: Recipient
    quiet_until: datetime | None
    mute_key: str | None = None
    by_admin: bool = False
    day: tuple[Lesson, ...] = ()

    @property
    def group(self) -> Hashable:
        """Key of the message: rows with the same key are sent as one message."""
        return one_message(self.kind, self.starts_at, self.recipient_key, self.key)

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        """The sessions that the message names for this row."""
        return self.day or (self.lesson,)


LEDGER = "session_worker.delivery"
NOTHING: Mapping[str, object] = {}


def read_facts(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    ids: Sequence[int],
    holder: UUID,
    now: datetime,
    ledger: str = LEDGER,
    of_ledger: Mapping[str, object] = NOTHING,
) -> list[Facts]:
    """Facts of the rows `ids` that `holder` has claimed, soonest start first.

    `now`: the instant for which quiet hours are computed. `ledger`: SQL of a relation with the
    ledger's columns; `of_ledger`: its parameters.
    """
    parameters = {
        **of_ledger,
        "ids": list(ids),
        "holder": holder,
        "now": now,
        "zone": settings.site_timezone,
        "default_minutes": settings.default_duration_minutes,
    }
    rows = conn.execute(text(_read_facts(catalog, ledger)), parameters)
    return [_facts(row, settings) for row in rows]


# Indexes: primary keys throughout, (tutor_id, student_profile_id) of tutor_students, and
# delivery_session for what the person was told last.
def _read_facts(catalog: SiteCatalog, ledger: str) -> str:
    return f"""
    SELECT DISTINCT ON (d.starts_at, d.urgency, d.kind, d.recipient, d.id, d.session_id)
           d.id, d.session_id, d.kind, d.starts_at, d.lead_minutes, d.recipient, d.person_id,
           d.role, d.change, d.message_key, d.attempts,
           CASE WHEN d.attempts > 0 AND {MAY_HAVE_LEFT} THEN d.message_at END AS left_at,
           s.id || ' ' || s.xmin::text AS version,
           {_untrue(catalog)} AS untrue, {_barred(catalog)} AS barred,
           CASE WHEN d.attempts > 0 THEN {TRIED} END AS tried,
           s.subject, s.mode, {_columns(catalog, "s", "topic", "meeting_link", "location")},
           {STARTS_AT} AS session_starts_at,
           coalesce(session_worker.ends_at(
               s.session_date + s.start_time, s.end_time,
               {catalog.read("s", "tutor_sessions", "duration")}, :default_minutes, :zone),
               d.starts_at) AS ends_at,
           coalesce(s.tutor_id = d.tutor_id AND s.student_id = d.student_id, false) AS is_theirs,
           l.told, {ENTRY} AS entry, {_goes_on_with(catalog)} AS goes_on_with,
           {ABSENT} AS absent, {CLOSED_FOR} AS closed_for,
           {_name(catalog, "tu", "tp", "tutor_profiles")} AS tutor_name,
           {_student_name(catalog)} AS student_name,
           {_whiteboard(catalog)} AS whiteboard_name,
           {_own_name(catalog, "ru")} AS person_name, ru.email,
           {catalog.read("ru", "users", "phone")} AS phone,
           {catalog.read("e", "tutor_students", "contact_email")} AS contact_email,
           {catalog.read("e", "tutor_students", "contact_phone")} AS contact_phone,
           (SELECT t.chat FROM session_worker.telegram_chat t WHERE t.person = d.person_id) AS chat,
           {stored("a")} AS preferences, {stored("k")} AS kind_preferences,
           session_worker.too_late_at(d.kind, d.lead_minutes, d.starts_at, d.change) AS too_late_at,
           session_worker.silent_until(d.person_id, d.kind, :now, :zone) AS quiet_until,
           ml.key AS mute_key, d.tries_since IS NOT NULL OR d.batch IS NOT NULL AS by_admin
      FROM {ledger} d
      LEFT JOIN tutor_sessions s ON s.id = d.session_id
      {people_joins(catalog, "d")}
      {enrolment_join(catalog)}
      {LAST_TOLD}
      LEFT JOIN users ru ON ru.id = d.person_id
      LEFT JOIN session_worker.preference a ON a.person_id = d.person_id AND a.kind = '*'
      LEFT JOIN session_worker.preference k ON k.person_id = d.person_id AND k.kind = d.kind
      LEFT JOIN session_worker.mute_link ml ON ml.recipient = d.recipient
     WHERE d.id = ANY(CAST(:ids AS bigint[])) AND d.state = 'claimed' AND d.holder = :holder
     ORDER BY d.starts_at, d.urgency, d.kind, d.recipient, d.id, d.session_id,
              e.id"""


# Channel → the counts of `Tried`, without tries from before an admin's `retry`.
# Index: attempt_delivery.
TRIED = """(
    SELECT jsonb_object_agg(t.channel, t.tries) FROM (
        SELECT channel, jsonb_build_array(
                   count(*) FILTER (WHERE outcome = 'failed' AND about IN ('person', 'message')),
                   count(*) FILTER (WHERE final),
                   count(*) FILTER (WHERE outcome IS NULL OR outcome = 'unknown'),
                   count(*) FILTER (WHERE outcome = 'failed'),
                   count(*) FILTER (WHERE receipt = 'undelivered')) AS tries
          FROM session_worker.attempt
         WHERE delivery_id = d.id AND begun_at >= coalesce(d.tries_since, '-infinity')
         GROUP BY channel) t)"""

# Whose absence a notice is about, and the reason of one that concerns everybody: a person's own
# reason is for admins alone. Index: the primary key of absence.
OF_ABSENCE = """CASE WHEN d.change ? 'absence' THEN (
    SELECT {what} FROM session_worker.absence x
     WHERE x.id = CAST(d.change->>'absence' AS bigint)) END"""
ABSENT = OF_ABSENCE.format(
    what="""CASE WHEN x.tutor_id IS NOT NULL THEN 'tutor'
             WHEN x.student_id IS NOT NULL THEN 'student' ELSE 'everybody' END"""
)
CLOSED_FOR = OF_ABSENCE.format(
    what="CASE WHEN x.tutor_id IS NULL AND x.student_id IS NULL THEN x.reason END"
)

# A session that was entered again for the same people and start, after the last sweep.
ANEW = f"""EXISTS (
    SELECT FROM (SELECT d.starts_at AT TIME ZONE :zone AS wall) w
      JOIN tutor_sessions s ON s.session_date = w.wall::date AND s.start_time = w.wall::time
     WHERE s.tutor_id = d.tutor_id AND s.student_id = d.student_id AND {LIVE}
       AND NOT {KNOWS})"""


def _untrue(catalog: SiteCatalog) -> str:
    return f"""CASE
        WHEN {OVERTAKEN} THEN 'overtaken'
        WHEN d.kind = 'notice' AND d.change->>'kind' = 'cancelled'
        THEN CASE WHEN {is_on(catalog)} OR {ANEW} THEN 'restored'
                  WHEN NOT {is_off(catalog)} THEN 'changed_again' END
        WHEN d.kind = 'notice' THEN CASE {FALLEN} END
        ELSE {why_not_true(catalog)} END"""


def _barred(catalog: SiteCatalog) -> str:
    return f"""CASE WHEN coalesce(k.muted, a.muted) OR ml.muted_at IS NOT NULL THEN 'muted'
                    ELSE {barred(catalog, "d.role", "ru")} END"""


# The remaining students of a group lesson that one student has left. Index: (session_date,
# start_time) of tutor_sessions, or the site's index on tutor_id.
def _goes_on_with(catalog: SiteCatalog) -> str:
    return f"""CASE
        WHEN d.kind = 'notice' AND d.role = 'tutor' AND d.change->>'kind' = 'cancelled' THEN (
            SELECT array_agg(coalesce({_student_name(catalog)}, '') ORDER BY s.id)
              FROM (SELECT d.starts_at AT TIME ZONE :zone AS wall) w
              JOIN tutor_sessions s
                ON s.session_date BETWEEN w.wall::date - 1 AND w.wall::date
               AND s.tutor_id = d.tutor_id AND {LIVE} AND {STARTS_AT} = d.starts_at
              {people_joins(catalog, "s")} {enrolment_join(catalog)}
             WHERE s.id <> d.session_id) END"""


def _columns(catalog: SiteCatalog, alias: str, *columns: str) -> str:
    return ", ".join(f"{catalog.read(alias, 'tutor_sessions', name)} AS {name}" for name in columns)


def _own_name(catalog: SiteCatalog, alias: str) -> str:
    first, father = (catalog.read(alias, "users", name) for name in ("first_name", "father_name"))
    return f"nullif(btrim(concat_ws(' ', {first}, {father})), '')"


def _name(catalog: SiteCatalog, user: str, profile: str, table: str) -> str:
    return f"coalesce({_own_name(catalog, user)}, {catalog.read(profile, table, 'username')})"


def _student_name(catalog: SiteCatalog) -> str:
    return f"""coalesce({_own_name(catalog, "su")},
                    {catalog.read("e", "tutor_students", "student_name")},
                    {catalog.read("sp", "student_profiles", "username")})"""


def _whiteboard(catalog: SiteCatalog) -> str:
    needed = ("booking_id", "session_name", "session_date", "start_time")
    if not all(catalog.has("whiteboard_sessions", column) for column in needed):
        return "NULL::text"
    return """(
        SELECT b.session_name FROM whiteboard_sessions b
         WHERE b.booking_id = e.id AND b.session_date = s.session_date
           AND b.start_time = s.start_time
         ORDER BY b.id LIMIT 1)"""


def _facts(row: Row[Any], settings: Settings) -> Facts:
    kind = Kind(row.kind)
    return Facts(
        id=row.id,
        session_id=row.session_id,
        kind=kind,
        starts_at=row.starts_at,
        too_late_at=row.too_late_at,
        lead_minutes=row.lead_minutes,
        recipient_key=row.recipient,
        key=row.message_key,
        left_at=row.left_at,
        attempts=row.attempts,
        version=row.version,
        untrue=row.untrue,
        barred=row.barred,
        tried={channel: Tried(*counts) for channel, counts in (row.tried or {}).items()},
        lesson=lesson_at(row, kind),
        recipient=_recipient(row, settings),
        quiet_until=row.quiet_until,
        mute_key=row.mute_key,
        by_admin=row.by_admin,
    )


def lesson_at(row: Row[Any], kind: Kind) -> Lesson:
    """The session; of a question after a lesson with its own start, not the ledger row's."""
    lesson = lesson_of(row)
    if kind is not Kind.FOLLOW_UP or row.session_starts_at is None:
        return lesson
    return replace(lesson, starts_at=row.session_starts_at)


def _recipient(row: Row[Any], settings: Settings) -> Recipient:
    role = Role(row.role)
    email = contact(role, row.email, row.contact_email)
    phone = contact(role, row.phone, row.contact_phone)
    student = role is Role.STUDENT
    preferences, addresses = preferences_of(row.preferences, row.kind_preferences, settings)
    addresses, linked = with_chat(addresses, row.chat)
    return Recipient(
        person_id=row.person_id,
        role=role,
        name=row.person_name or (row.student_name if student else None),
        email=email.address,
        phone=phone.address,
        preferences=preferences,
        addresses=addresses,
        email_source=email.source,
        phone_source=phone.source,
        linked=linked,
    )

"""Data of one person in the ledger: export as a document, and removal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog, read_catalog
from models.taken_ids import ProfileKey
from scheduler.reminders.moves.refusal import LedgerRefusal


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Rows of session_worker as they are stored: column → value.

    `deliveries`: each with its `attempts`, `receipts` and `moves`. `inbox`: what the site shows
    them. `mute_links`: the key in their messages' link. `chats`: the Telegram chat they linked.
    """

    person: str
    preferences: Sequence[Mapping[str, Any]]
    deliveries: Sequence[Mapping[str, Any]]
    inbox: Sequence[Mapping[str, Any]]
    absences: Sequence[Mapping[str, Any]]
    mute_links: Sequence[Mapping[str, Any]]
    chats: Sequence[Mapping[str, Any]]
    feed_tokens: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Numbers of changed rows. `deliveries`: rows without texts now; `names`: messages to others
    that named the person; `addresses`: preferences that had one, and their Telegram chat; `kept`:
    deliveries left as they are, as their session is still to come; `inbox`: copies removed from
    inboxes, theirs and those of others that named the person; `absences`: absences that had a
    reason."""

    person: str
    deliveries: int
    names: int
    addresses: int
    kept: int
    inbox: int
    absences: int


# There is no index by person: the ledger is scanned, for a command that is rarely given.
DELIVERIES = text("""
    SELECT to_jsonb(d) || jsonb_build_object(
               'attempts', (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.id), '[]')
                              FROM session_worker.attempt a WHERE a.delivery_id = d.id),
               'receipts', (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.id), '[]')
                              FROM session_worker.receipt r WHERE r.id IN (
                                   SELECT r.id FROM session_worker.attempt a
                                     JOIN session_worker.receipt r
                                       ON r.channel = a.channel
                                      AND r.reference IN (a.provider_id, a.message_key::text)
                                    WHERE a.delivery_id = d.id)),
               'moves', (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.id), '[]')
                           FROM session_worker.move m WHERE m.delivery_id = d.id))
      FROM session_worker.delivery d WHERE d.recipient = :person ORDER BY d.id""")
PREFERENCES = text("""
    SELECT to_jsonb(p) FROM session_worker.preference p
     WHERE 'user:' || p.person_id = :person ORDER BY p.kind""")


INBOX = text("""
    SELECT to_jsonb(i) FROM session_worker.inbox i
     WHERE 'user:' || i.person = :person ORDER BY i.id""")


FEED_TOKENS = text("""
    SELECT to_jsonb(f) - 'digest' FROM session_worker.feed_token f
     WHERE 'user:' || f.person_id = :person ORDER BY f.id""")
MUTE_LINKS = text("""
    SELECT to_jsonb(m) FROM session_worker.mute_link m WHERE m.recipient = :person""")


def _absences_of(catalog: SiteCatalog) -> str:
    """SQL condition: the absence `a` is that of the person `:person`."""
    tutor, student = (
        f"EXISTS (SELECT FROM {table} p WHERE p.id = {column} AND 'user:' || p.user_id = :person)"
        if key is ProfileKey.PROFILE
        else f"'user:' || {column} = :person"
        for table, column, key in (
            ("tutor_profiles", "a.tutor_id", catalog.tutor_key),
            ("student_profiles", "a.student_id", catalog.student_key),
        )
    )
    return f"""('tutor:' || a.tutor_id = :person OR 'student:' || a.student_id = :person
                OR {tutor} OR {student})"""


ABSENCES = "SELECT to_jsonb(a) FROM session_worker.absence a WHERE {theirs} ORDER BY a.id"
FORGET_ABSENCES = """
    UPDATE session_worker.absence a SET reason = '' WHERE a.reason <> '' AND {theirs}"""


def export(conn: Connection, person: str) -> PersonalData:
    """Everything about `person`, a key of the ledger such as 'user:7' or 'student:3'.

    Raises LedgerRefusal where neither the site nor the ledger knows of them.
    """
    refuse_unknown(conn, person)
    given = {"person": person}
    absences = text(ABSENCES.format(theirs=_absences_of(read_catalog(conn))))
    return PersonalData(
        person,
        conn.scalars(PREFERENCES, given).all(),
        conn.scalars(DELIVERIES, given).all(),
        conn.scalars(INBOX, given).all(),
        conn.scalars(absences, given).all(),
        conn.scalars(MUTE_LINKS, given).all(),
        conn.scalars(CHATS, given).all(),
        conn.scalars(FEED_TOKENS, given).all(),
    )


# A message being sent, and one about a session still to come, with any start: a cancellation has to
# show what was told.
OVER = """(d.state NOT IN ('claimed', 'sending') AND d.starts_at < :now
           AND NOT EXISTS (SELECT FROM tutor_sessions s
                            WHERE s.id = d.session_id
                              AND s.session_date + s.start_time
                                  >= CAST(:now AS timestamptz) AT TIME ZONE :zone))"""
FORGET_WORDS = text(f"""
    WITH forgotten AS (
        UPDATE session_worker.delivery d SET told = NULL, change = NULL
         WHERE d.recipient = :person AND {OVER}
        RETURNING d.id
    ), told AS (
        DELETE FROM session_worker.receipt r
         USING forgotten JOIN session_worker.attempt a ON a.delivery_id = forgotten.id
         WHERE r.channel = a.channel AND r.reference IN (a.provider_id, a.message_key::text)
    ), living AS (
        DELETE FROM session_worker.dead_address k
         USING forgotten JOIN session_worker.attempt a ON a.delivery_id = forgotten.id
         WHERE k.address = a.address AND k.cause <> 'opted_out'
    ), tries AS (
        UPDATE session_worker.attempt a SET words = NULL, provider_id = NULL, address = NULL
          FROM forgotten WHERE a.delivery_id = forgotten.id)
    SELECT count(*) FROM forgotten""")
# Before the names in `told` go, by which a copy is known that names the person to somebody else.
FORGET_INBOX = text(f"""
    DELETE FROM session_worker.inbox i
     USING (SELECT d.id FROM session_worker.delivery d
             WHERE d.recipient = :person AND {OVER}
             UNION
            SELECT d.id FROM session_worker.delivery d
              JOIN (SELECT DISTINCT role,
                           CASE role WHEN 'tutor' THEN tutor_id ELSE student_id END AS id
                      FROM session_worker.delivery
                     WHERE recipient = :person AND role IN ('tutor', 'student')) mine
                ON mine.id = CASE mine.role WHEN 'tutor' THEN d.tutor_id ELSE d.student_id END
             WHERE {OVER}) over
     WHERE over.id = ANY(i.deliveries)""")
FORGET_NAMES = text(f"""
    UPDATE session_worker.delivery d
       SET told = d.told - CASE mine.role WHEN 'tutor' THEN 'tutor_name' ELSE 'student_name' END
      FROM (SELECT DISTINCT role, CASE role WHEN 'tutor' THEN tutor_id ELSE student_id END AS id
              FROM session_worker.delivery
             WHERE recipient = :person AND role IN ('tutor', 'student')) mine
     WHERE mine.id = CASE mine.role WHEN 'tutor' THEN d.tutor_id ELSE d.student_id END
       AND d.told ? CASE mine.role WHEN 'tutor' THEN 'tutor_name' ELSE 'student_name' END
       AND {OVER}""")
CHATS = text("""
    SELECT to_jsonb(t) FROM session_worker.telegram_chat t WHERE 'user:' || t.person = :person""")
FORGET_CHAT = text("""
    DELETE FROM session_worker.telegram_chat WHERE 'user:' || person = :person""")
FORGET_INVITE = text("""
    DELETE FROM session_worker.telegram_invite WHERE 'user:' || person = :person""")
FORGET_ADDRESSES = text("""
    UPDATE session_worker.preference SET addresses = NULL
     WHERE 'user:' || person_id = :person AND addresses IS NOT NULL""")
# Their old messages' link ends with their words. Who is muted by it stays so.
FORGET_LINK = text("""
    DELETE FROM session_worker.mute_link WHERE recipient = :person AND muted_at IS NULL""")
FORGET_TOKENS = text("""
    DELETE FROM session_worker.feed_token WHERE 'user:' || person_id = :person""")
KEPT = text("""
    SELECT count(*) FROM session_worker.delivery
     WHERE recipient = :person AND (told IS NOT NULL OR change IS NOT NULL)""")


def forget(conn: Connection, person: str, now: datetime, zone: str) -> Forgotten:
    """Remove the texts and addresses of `person` from past deliveries, and the reasons of their
    absences; times of sending and days of absence are kept.

    `zone` is the site's. A muted person stays muted, and an address that opted out stays so. Raises
    LedgerRefusal where neither the site nor the ledger knows of them.
    """
    refuse_unknown(conn, person)
    given = {"person": person, "now": now, "zone": zone}
    inbox = conn.execute(FORGET_INBOX, given).rowcount
    deliveries = conn.scalar(FORGET_WORDS, given) or 0
    names = conn.execute(FORGET_NAMES, given).rowcount
    addresses = conn.execute(FORGET_ADDRESSES, given).rowcount
    conn.execute(FORGET_LINK, given)
    addresses += conn.execute(FORGET_CHAT, given).rowcount
    conn.execute(FORGET_INVITE, given)
    conn.execute(FORGET_TOKENS, given)
    kept = conn.scalar(KEPT, given) or 0
    forget_absences = text(FORGET_ABSENCES.format(theirs=_absences_of(read_catalog(conn))))
    absences = conn.execute(forget_absences, given).rowcount
    return Forgotten(person, deliveries, names, addresses, kept, inbox, absences)


KNOWN = text("""
    SELECT EXISTS (SELECT FROM session_worker.delivery WHERE recipient = :person)
        OR EXISTS (SELECT FROM session_worker.preference WHERE 'user:' || person_id = :person)
        OR EXISTS (SELECT FROM users WHERE 'user:' || id = :person)""")


def refuse_unknown(conn: Connection, person: str) -> None:
    """Raise LedgerRefusal where neither the site nor the ledger knows of the person."""
    if not conn.scalar(KNOWN, {"person": person}):
        raise LedgerRefusal(
            f"there is no person {person.removeprefix('user:')}: give an id of the table users,"
            " or student:ID, tutor:ID, parent:ID for somebody without an account."
        )

"""The site's inbox: a copy of each message, and the delivery where no channel reaches the person.

The site shows session_worker.inbox, and acknowledges by its `read_at` (docs/preferences.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from scheduler.prepared import Prepared
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.moves.sending import CannotBegin, Claimed


@dataclass(frozen=True, slots=True)
class Copy:
    """A message as its person reads it. `key`: the message's; `link`: http or https, or None.

    `sessions`: all that it names; `deliveries`: ids of its ledger rows.
    """

    person_id: int
    kind: str
    title: str
    text: str
    link: str | None
    sessions: Sequence[int]
    deliveries: Sequence[int]
    key: UUID


# Index: inbox_message_key_key. A later try says when the session begins as of then, so an unread
# copy gets its words.
PLACE = Prepared(
    "place_in_inbox",
    {
        "person": "bigint", "kind": "text", "title": "text", "words": "text", "link": "text",
        "sessions": "bigint[]", "deliveries": "bigint[]", "key": "uuid",
    },
    """
    INSERT INTO session_worker.inbox AS i
           (person, kind, title, text, link, sessions, deliveries, message_key)
    VALUES (:person, :kind, :title, :words, :link, :sessions, :deliveries, :key)
    ON CONFLICT (message_key) DO UPDATE
       SET title = excluded.title, text = excluded.text, link = excluded.link,
           sessions = excluded.sessions, deliveries = excluded.deliveries
     WHERE i.read_at IS NULL
    RETURNING i.id""",
)  # fmt: skip


def place(conn: Connection, copy: Copy) -> None:
    """Lay a message into its person's inbox, once however often it is tried."""
    PLACE.run(conn, parameters_of(copy))


def parameters_of(copy: Copy) -> dict[str, Any]:
    return {
        "person": copy.person_id,
        "kind": copy.kind,
        "title": copy.title,
        "words": copy.text,
        "link": copy.link,
        "sessions": [*copy.sessions],
        "deliveries": [*copy.deliveries],
        "key": str(copy.key),
    }


# Indexes: primary keys. As MARK_LOGGED: no provider is called.
DELIVER = text("""
    WITH kept AS (
        UPDATE session_worker.delivery d
           SET state = 'sent', sent_at = :now, channel = 'inbox', outbox = NULL, reason = NULL,
               message_key = coalesce(d.message_key, :key),
               message_at = coalesce(d.message_at, :now), told = c.told, source = NULL,
               attempts = d.attempts + 1, holder = NULL, lease_until = NULL
          FROM unnest(CAST(:ids AS bigint[]), CAST(:versions AS text[]), CAST(:told AS jsonb[]))
               AS c(id, version, told)
         WHERE d.id = c.id AND d.state = 'claimed' AND d.holder = :holder
           AND d.lease_until > clock_timestamp()
           AND (SELECT s.id || ' ' || s.xmin::text FROM tutor_sessions s
                 WHERE s.id = d.session_id)
               IS NOT DISTINCT FROM c.version
        RETURNING d.id, d.message_key
    )
    INSERT INTO session_worker.attempt
           (delivery_id, message_key, channel, begun_at, ended_at, outcome, words)
    SELECT id, message_key, 'inbox', clock_timestamp(), clock_timestamp(), 'sent',
           CAST(:words AS text)
      FROM kept
    RETURNING delivery_id""")


@logged
def deliver_to_inbox(
    conn: Connection, rows: Sequence[Claimed], holder: UUID, copy: Copy, now: datetime, words: str
) -> frozenset[int]:
    """claimed → sent, on channel `inbox`: no channel reaches the person; `words` say why.

    Raises CannotBegin where one of the rows did not move, as `begin_sending` does: roll back.
    """
    parameters = {
        "ids": [row.id for row in rows],
        "versions": [row.version for row in rows],
        "told": [row.told for row in rows],
        "holder": holder,
        "key": copy.key,
        "now": now,
        "words": words,
    }
    moved = frozenset(conn.scalars(DELIVER, parameters))
    if len(moved) < len(rows):
        raise CannotBegin
    place(conn, copy)
    return moved

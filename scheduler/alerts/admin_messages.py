"""Messages to the admin in the ledger: made once, claimed under a lease, recorded with an outcome.

They are no deliveries: they are about no session, and no preference or quiet hours concern them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from scheduler.finding import Finding, Severity

# Longer than any transport takes (connecting, and three times SEND_TIMEOUT's default).
LEASE = timedelta(minutes=3)
# What could not be sent for so long is no news any more.
LONGEST = timedelta(days=1)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AdminMessage:
    """A claimed message. `findings`: those of kind `errors`. `was_cut_off`: a try of it has begun
    and its outcome is not known. `is_old`: no further try is made after this one."""

    id: int
    kind: str
    findings: Sequence[Finding]
    key: UUID
    at: datetime
    made_at: datetime
    tries: int
    was_cut_off: bool
    is_old: bool


# Monday's digest is made late, after an outage, but not by an installation that began later.
DIGEST_AT = time(7, 0)
DIGEST_LATE = timedelta(days=1)
MAKE_DIGEST = text("""
    INSERT INTO session_worker.admin_message (kind, occasion)
    SELECT 'digest', :occasion FROM session_worker.installation WHERE first_tick_at < :due
        ON CONFLICT DO NOTHING""")


def make_digest(conn: Connection, now: datetime, zone: ZoneInfo) -> None:
    """Make this week's digest, once, if it is Monday 07:00 or up to a day later at the site."""
    monday = monday_of(now, zone)
    due = datetime.combine(monday, DIGEST_AT, zone)
    if due <= now < due + DIGEST_LATE:
        conn.execute(MAKE_DIGEST, {"occasion": f"digest {monday}", "due": due})


def monday_of(now: datetime, zone: ZoneInfo) -> date:
    today = now.astimezone(zone).date()
    return today - timedelta(days=today.weekday())


# Index: admin_message_open. A lapsed lease is of a process that died within the try.
CLAIM = text("""
    WITH waiting AS (
        SELECT id, lease_until IS NOT NULL AS was_cut_off FROM session_worker.admin_message
         WHERE ended_at IS NULL AND coalesce(lease_until, '-infinity') < clock_timestamp()
           AND coalesce(retry_at, '-infinity') <= clock_timestamp()
         ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED)
    UPDATE session_worker.admin_message m
       SET lease_until = clock_timestamp() + :lease, tries = tries + 1,
           message_at = coalesce(message_at, clock_timestamp())
      FROM waiting w WHERE m.id = w.id
    RETURNING m.id, m.kind, m.findings, m.message_key, m.message_at, m.made_at, m.tries,
              w.was_cut_off, m.made_at < clock_timestamp() - :longest AS is_old""")


def claim_messages(conn: Connection) -> list[AdminMessage]:
    """Claim what waits; commit it before anything is sent."""
    rows = conn.execute(CLAIM, {"lease": LEASE, "longest": LONGEST}).all()
    return sorted((claimed(row) for row in rows), key=lambda each: each.id)


def claimed(row: Any) -> AdminMessage:
    findings = [
        Finding(each["code"], Severity(each["severity"]), each["detail"], each["cure"])
        for each in row.findings or ()
    ]
    return AdminMessage(
        row.id, row.kind, findings, row.message_key, row.message_at, row.made_at, row.tries,
        row.was_cut_off, row.is_old,
    )  # fmt: skip


# Index: primary key.
END = text("""
    UPDATE session_worker.admin_message
       SET ended_at = clock_timestamp(), lease_until = NULL, outcome = :outcome, words = :words
     WHERE id = :id AND ended_at IS NULL""")
WAIT = text("""
    UPDATE session_worker.admin_message
       SET lease_until = NULL, retry_at = clock_timestamp() + :wait, words = :words
     WHERE id = :id AND ended_at IS NULL""")


def end_message(conn: Connection, message: AdminMessage, outcome: str, words: str | None) -> None:
    """Record the outcome with which the message is over: sent, failed, unknown, nothing, logged."""
    conn.execute(END, {"id": message.id, "outcome": outcome, "words": words})


def try_later(conn: Connection, message: AdminMessage, words: str) -> None:
    """Release the message for another try, after a wait that doubles up to an hour."""
    wait = min(FIRST_WAIT * 2 ** min(message.tries - 1, 10), LONGEST_WAIT)
    conn.execute(WAIT, {"id": message.id, "wait": wait, "words": words})

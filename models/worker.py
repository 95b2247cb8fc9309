"""The schema session_worker as typed classes; the migrations describe the columns.

The classes are for reading single rows and for tests: the work is done by statements on sets, and
only the migrations create the tables.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    FetchedValue,
    Integer,
    MetaData,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column


class WorkerBase(DeclarativeBase):
    """A table of session_worker. `int` is a bigint, and `datetime` is aware."""

    metadata = MetaData(schema="session_worker")
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads the class attribute)
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[int]: ARRAY(Integer),
    }


def filled() -> MappedColumn[Any]:
    """A column that PostgreSQL fills if it is not given: a default, identity or generated."""
    return mapped_column(server_default=FetchedValue())


def filled_key() -> MappedColumn[Any]:
    return mapped_column(primary_key=True, server_default=FetchedValue())


class Series(WorkerBase):
    """One rule and its state; the anchor is the tutor_sessions row that carries the rule."""

    __tablename__ = "series"

    anchor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    reason: Mapped[str | None]
    seen: Mapped[str]
    tutor_id: Mapped[int]
    student_id: Mapped[int]
    written: Mapped[dict[str, Any]] = filled()
    enrolled: Mapped[bool] = filled()
    ends_on: Mapped[date | None]
    continued_by: Mapped[int | None]
    continues: Mapped[dict[str, Any] | None]
    shape: Mapped[str | None]
    planned_from: Mapped[date | None]
    planned_until: Mapped[date | None]
    absences: Mapped[int] = filled()
    changed_at: Mapped[datetime] = filled()


class SiteShape(WorkerBase):
    """The columns of tutor_sessions at some time, by attribute number."""

    __tablename__ = "site_shape"

    signature: Mapped[str] = mapped_column(primary_key=True)
    columns: Mapped[dict[str, Any]]


class Occurrence(WorkerBase):
    """One date of a series: its row, or the reason why it has none."""

    __tablename__ = "occurrence"

    anchor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    occurs_on: Mapped[date] = mapped_column(primary_key=True)
    session_id: Mapped[int | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    blocked_by: Mapped[int | None]
    kept: Mapped[dict[str, Any] | None]
    made: Mapped[dict[str, Any] | None]
    stands_for: Mapped[date | None]
    absence: Mapped[int | None]


class Absence(WorkerBase):
    """Days, or hours of them, on which a tutor, a student or everybody is away. The site writes
    it."""

    __tablename__ = "absence"

    id: Mapped[int] = filled_key()
    tutor_id: Mapped[int | None]
    student_id: Mapped[int | None]
    first_day: Mapped[date]
    last_day: Mapped[date]
    from_time: Mapped[time | None]
    until_time: Mapped[time | None]
    reason: Mapped[str] = filled()
    entered_at: Mapped[datetime] = filled()
    withdrawn_at: Mapped[datetime | None]
    digest: Mapped[int] = mapped_column(
        server_default=FetchedValue(), nullable=True
    )  # generated, so never NULL


class LastLook(WorkerBase):
    """Snapshot of the last expansion that found no work. At most one row."""

    __tablename__ = "last_look"

    one: Mapped[bool] = filled_key()
    question: Mapped[str]
    looked_at: Mapped[datetime]
    oldest: Mapped[int]
    tables: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    seemingly: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class Refused(WorkerBase):
    """A series of which the site refused rows, and the time of the next try."""

    __tablename__ = "refused"

    anchor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str]
    guards: Mapped[str]
    failures: Mapped[int] = mapped_column(Integer)
    tried_at: Mapped[datetime]
    retry_at: Mapped[datetime]
    absences: Mapped[int] = filled()


class Finding(WorkerBase):
    """An oddity of a row, found when it was last read."""

    __tablename__ = "finding"

    session_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[str] = filled_key()


class Backfill(WorkerBase):
    """An expansion of a span that an admin names; both dates are inclusive."""

    __tablename__ = "backfill"

    id: Mapped[int] = filled_key()
    from_date: Mapped[date]
    until_date: Mapped[date]
    tutor_id: Mapped[int | None]
    session_id: Mapped[int | None]
    deleted: Mapped[str] = filled()
    created_at: Mapped[datetime] = filled()
    stopped_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BackfillChunk(WorkerBase):
    """A range of anchors of a backfill, done by one worker."""

    __tablename__ = "backfill_chunk"

    backfill_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_anchor: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_anchor: Mapped[int]
    state: Mapped[str] = filled()
    rows: Mapped[dict[str, Any]] = filled()
    error: Mapped[str | None]
    tries: Mapped[int] = mapped_column(Integer, server_default=FetchedValue())


class Delivery(WorkerBase):
    """One message to one person about one start: a row of the ledger."""

    __tablename__ = "delivery"

    id: Mapped[int] = filled_key()
    session_id: Mapped[int]
    tutor_id: Mapped[int]
    student_id: Mapped[int]
    starts_at: Mapped[datetime]
    kind: Mapped[str]
    urgency: Mapped[int] = mapped_column(
        SmallInteger, server_default=FetchedValue(), nullable=True
    )  # generated, so never NULL, though PostgreSQL does not declare it so
    lead_minutes: Mapped[int] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(SmallInteger, server_default=FetchedValue())
    recipient: Mapped[str]
    person_id: Mapped[int | None]
    role: Mapped[str]
    state: Mapped[str] = filled()
    reason: Mapped[str | None]
    change: Mapped[dict[str, Any] | None]
    told: Mapped[dict[str, Any] | None]
    due_at: Mapped[datetime]
    send_after: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    holder: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    renewed_at: Mapped[datetime | None]
    sender_pid: Mapped[int | None] = mapped_column(Integer)
    message_key: Mapped[UUID | None]
    message_at: Mapped[datetime | None]
    channel: Mapped[str | None]
    outbox: Mapped[str | None]
    source: Mapped[str | None]
    receipt: Mapped[str | None]
    batch: Mapped[int | None]
    queue: Mapped[str | None]
    deaths: Mapped[int] = mapped_column(SmallInteger, server_default=FetchedValue())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=FetchedValue())
    tries_since: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    planned_at: Mapped[datetime] = filled()


class Attempt(WorkerBase):
    """One try of a delivery; `outcome` is None while it is under way.

    `provider_id`: the provider's id of the message, if it gave one. `address`: hash of the address
    that it went to (scheduler.reminders.dead_addresses).
    """

    __tablename__ = "attempt"

    id: Mapped[int] = filled_key()
    delivery_id: Mapped[int]
    message_key: Mapped[UUID]
    channel: Mapped[str]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    final: Mapped[bool] = filled()
    words: Mapped[str | None]
    provider_id: Mapped[str | None]
    about: Mapped[str | None]
    receipt: Mapped[str | None]
    address: Mapped[int | None]


class ReceiptWord(WorkerBase):
    """A provider's word about a message, in small letters, and its meaning."""

    __tablename__ = "receipt_word"

    word: Mapped[str] = mapped_column(primary_key=True)
    meaning: Mapped[str]
    source: Mapped[str]


class Receipt(WorkerBase):
    """What a provider, or a mail system's bounce, said of a message.

    `reference`: the provider's id, or the worker's key. `meaning` is None for an unknown word.
    `open`: the sweep has not drawn its consequences yet.
    """

    __tablename__ = "receipt"

    id: Mapped[int] = filled_key()
    channel: Mapped[str]
    reference: Mapped[str]
    status: Mapped[str]
    meaning: Mapped[str | None]
    received_at: Mapped[datetime] = filled()
    open: Mapped[bool] = filled()


class DeadAddress(WorkerBase):
    """An address that refused for good, by its hash; alive again where it was revived."""

    __tablename__ = "dead_address"

    address: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str]
    cause: Mapped[str]
    dead_at: Mapped[datetime] = filled()
    revived_at: Mapped[datetime | None]


class ChannelTrouble(WorkerBase):
    """A channel whose last tries failed for a reason of the channel's own."""

    __tablename__ = "channel_trouble"

    channel: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None]
    failed_at: Mapped[datetime]
    down_since: Mapped[datetime | None]
    probe_at: Mapped[datetime | None]
    probes: Mapped[int] = mapped_column(Integer, server_default=FetchedValue())


class Inbox(WorkerBase):
    """A message as its person reads it on the site; `read_at` is the site's to write."""

    __tablename__ = "inbox"

    id: Mapped[int] = filled_key()
    person: Mapped[int]
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    link: Mapped[str | None]
    sessions: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    deliveries: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    message_key: Mapped[UUID]
    placed_at: Mapped[datetime] = filled()
    read_at: Mapped[datetime | None]


class StandingError(WorkerBase):
    """An error of the doctor that persists, and of which the admin has been notified."""

    __tablename__ = "standing_error"

    identity: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class AdminMessage(WorkerBase):
    """A message to the admin; `findings` are those of kind `errors`."""

    __tablename__ = "admin_message"

    id: Mapped[int] = filled_key()
    kind: Mapped[str]
    occasion: Mapped[str]
    findings: Mapped[list[Any] | None] = mapped_column(JSONB)
    message_key: Mapped[UUID] = filled()
    made_at: Mapped[datetime] = filled()
    message_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, server_default=FetchedValue())
    lease_until: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    words: Mapped[str | None]


class MuteLink(WorkerBase):
    """The key of a recipient's link; `muted_at` is for somebody without a user."""

    __tablename__ = "mute_link"

    recipient: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int | None]
    key: Mapped[str] = filled()
    made_at: Mapped[datetime] = filled()
    muted_at: Mapped[datetime | None]


class SmsMonth(WorkerBase):
    """The SMS of a month, in parts; `spent_at` is the budget that a message exceeded."""

    __tablename__ = "sms_month"

    month: Mapped[date] = mapped_column(primary_key=True)
    parts: Mapped[int] = mapped_column(Integer)
    spent_at: Mapped[int | None] = mapped_column(Integer)


class SmsText(WorkerBase):
    """What was said to which number lately, as a hash of both."""

    __tablename__ = "sms_text"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    message_key: Mapped[UUID] = mapped_column(primary_key=True)
    said_at: Mapped[datetime]


class FeedToken(WorkerBase):
    """A token of a person's calendar feed, as a hash."""

    __tablename__ = "feed_token"

    id: Mapped[int] = filled_key()
    person_id: Mapped[int]
    digest: Mapped[bytes]
    made_at: Mapped[datetime] = filled()
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Permit(WorkerBase):
    """A place taken of a channel's rate while Redis is away."""

    __tablename__ = "permit"

    id: Mapped[int] = filled_key()
    channel: Mapped[str]
    granted_at: Mapped[datetime]


class Move(WorkerBase):
    """A move of a delivery that is no try; for `explain`."""

    __tablename__ = "move"

    id: Mapped[int] = filled_key()
    delivery_id: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str | None]
    moved_at: Mapped[datetime] = filled()


class HeldBatch(WorkerBase):
    """A batch of held messages, for an admin to release or drop."""

    __tablename__ = "held_batch"

    id: Mapped[int] = filled_key()
    cause: Mapped[str]
    detail: Mapped[str]
    held_at: Mapped[datetime] = filled()
    settled_at: Mapped[datetime | None]


class Installation(WorkerBase):
    """The ledger's home, and the progress of planning. One row."""

    __tablename__ = "installation"

    one: Mapped[bool] = filled_key()
    system_identifier: Mapped[str]
    database_name: Mapped[str]
    timeline: Mapped[int]
    objects: Mapped[str] = filled()
    addresses: Mapped[list[str]] = filled()
    tutor_ids: Mapped[str | None]
    tutor_ids_why: Mapped[str | None]
    student_ids: Mapped[str | None]
    student_ids_why: Mapped[str | None]
    ids_doubt: Mapped[str | None]
    ids_looked_at: Mapped[datetime | None]
    installed_at: Mapped[datetime] = filled()
    first_tick_at: Mapped[datetime | None]
    planned_until: Mapped[datetime | None]
    ticked_at: Mapped[datetime | None]
    alarm_leads: Mapped[list[int]] = filled()
    address_salt: Mapped[UUID] = filled()


class Heartbeat(WorkerBase):
    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]


class BegunBatch(WorkerBase):
    """A claimed batch that a worker's process is at; it goes at the batch's end."""

    __tablename__ = "begun_batch"

    holder: Mapped[UUID] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime] = filled()


class Pause(WorkerBase):
    """A paused channel; `*` stands for every channel."""

    __tablename__ = "pause"

    channel: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str | None]
    paused_at: Mapped[datetime] = filled()


class Preference(WorkerBase):
    """A person's preferences; the quiet hours are local wall times."""

    __tablename__ = "preference"

    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = filled_key()
    language: Mapped[str | None]
    zone: Mapped[str | None]
    channels: Mapped[list[str] | None]
    addresses: Mapped[dict[str, Any] | None]
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    muted: Mapped[bool] = filled()


class TelegramInvite(WorkerBase):
    """A start word that was given out: its SHA-256."""

    __tablename__ = "telegram_invite"

    word: Mapped[bytes] = mapped_column(primary_key=True)
    person: Mapped[int]
    expires_at: Mapped[datetime]


class TelegramChat(WorkerBase):
    """The chat that a person linked."""

    __tablename__ = "telegram_chat"

    person: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chat: Mapped[int]
    linked_at: Mapped[datetime] = filled()


class TelegramReader(WorkerBase):
    """How far the bot's updates are read, and who reads them. One row."""

    __tablename__ = "telegram_reader"

    one: Mapped[bool] = filled_key()
    read_to: Mapped[int] = filled()
    read_at: Mapped[datetime | None]
    bot: Mapped[int | None]
    holder: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    trouble: Mapped[str | None]


class Zone(WorkerBase):
    """Name of a zone that PostgreSQL's and the worker's zone data both have."""

    __tablename__ = "zone"

    name: Mapped[str] = mapped_column(primary_key=True)

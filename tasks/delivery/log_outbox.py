"""Delivery with OUTBOX=log: messages are written to the log, a whole batch in one commit."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from scheduler.message import Message
from scheduler.reminders.moves import sending
from scheduler.reminders.read.claimed import Facts
from scheduler.reminders.read.lesson import told
from scheduler.settings import ChannelName
from tasks.delivery.decision import Decision, Send, decide
from tasks.delivery.message import message_of, worded
from tasks.delivery.record_unsent import let_go
from tasks.delivery.sender import LOOKS, Snapshot, Work, take_snapshot, ways_of
from tasks.delivery.tally import Tally

logger = logging.getLogger(__name__)

FORM = ChannelName.PUSH  # short, and without attachments


def write_to_log(work: Work, snapshot: Snapshot) -> Tally:
    """Record messages as sent without sending them. Sessions that changed are read again."""
    tally = Tally()
    with work.tools.engine.connect() as conn:
        for _ in range(LOOKS):
            now = work.clock()
            decided = decide_all(work, snapshot, now)
            rows = to_write(work, snapshot, decided, now)
            with conn.begin():
                tally += let_go(conn, decided, work.holder)
                written = sending.mark_logged(conn, rows, work.holder, now)
                tally += Tally(sent=len(written))
                changed = [row.id for row in rows if row.id not in written]
                if not changed:
                    return tally
                snapshot = take_snapshot(conn, work, changed)
    return tally


def decide_all(work: Work, snapshot: Snapshot, now: datetime) -> dict[int, Decision]:
    ways = ways_of(work.tools, snapshot)
    return {id_: decide(facts, ways, now) for id_, facts in snapshot.facts.items()}


def to_write(
    work: Work, snapshot: Snapshot, decided: Mapping[int, Decision], now: datetime
) -> list[sending.Logged]:
    rows = []
    for ids in snapshot.messages:
        going = [snapshot.facts[id_] for id_ in ids if isinstance(decided[id_], Send)]
        rows += message_rows(work, going, decided, now) if going else []
    return rows


def message_rows(
    work: Work, going: Sequence[Facts], decided: Mapping[int, Decision], now: datetime
) -> list[sending.Logged]:
    send = decided[going[0].id]
    assert isinstance(send, Send)  # noqa: S101 (so they were chosen)
    message = message_of(going, send.recipient, now)
    if logger.isEnabledFor(logging.INFO):
        log(work, message)
    return [
        sending.Logged(
            row.id,
            row.version,
            told(row.lesson, message.at),
            message.key,
            send.recipient.source_on(send.form),
        )
        for row in going
    ]


def log(work: Work, message: Message) -> None:
    letter = worded(work.tools, message, FORM)
    title = letter.title if letter is not None else "no words"
    who = message.recipient
    logger.info("%s to %s %s: %s", message.kind, who.role, who.person_id, title)

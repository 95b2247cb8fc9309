"""People, and what they and the providers do with messages that were sent.

They acknowledge, snooze, read their inbox, follow the link that stops all messages; receipts come
late, twice, in any order, and say that something arrived or did not.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from tests.simulation.administration import Admin
from tests.simulation.fibers import Turns
from tests.simulation.provider import Record
from tests.simulation.site import Site

ARRIVED = ("Delivered", "Success", "Sent")  # the last: on its way
LOST = ("Failed", "Failed", "Rejected", "21211")  # the last: there is no such number
DOINGS = {"receipt": 10, "acknowledge": 4, "snooze": 2, "read": 3, "stop": 1}

SEEN = text("""
    SELECT id, person_id, starts_at, kind, lead_minutes FROM session_worker.delivery
     WHERE attempts > 0 AND kind IN ('alarm', 'reminder') ORDER BY id DESC LIMIT 6""")
UNREAD = text("""
    SELECT id, deliveries FROM session_worker.inbox WHERE read_at IS NULL ORDER BY id LIMIT 6""")
LINKS = text("SELECT key, person_id FROM session_worker.mute_link ORDER BY recipient")
ALARMS = text("""
    SELECT starts_at, student_id, tutor_id FROM session_worker.delivery
     WHERE id = ANY(:ids) AND kind IN ('alarm', 'escalation')""")


@dataclass
class People:
    """`acknowledged`: (start, tutor, student) of alarms → the step by which that was committed."""

    turns: Turns
    chance: random.Random
    record: Record
    site: Site
    admin: Admin
    acknowledged: dict[tuple[object, int, int], int] = field(default_factory=dict)

    def do(self) -> Callable[[Connection], None]:
        name = self.chance.choices([*DOINGS], [*DOINGS.values()])[0]
        doing: Callable[[Connection], None] = getattr(self, name)
        return doing

    def receipt(self, conn: Connection) -> None:
        """Of a recent call; mostly what is true, and now and then a lie."""
        calls = [one for one in self.record.calls[-12:] if one.step < self.turns.steps]
        silent = [one for one in calls if "yes" not in one.answer and one.has_ended]
        if silent and self.chance.random() < 0.5:
            calls = silent
        if not calls:
            return
        call = self.chance.choice(calls)
        is_true = self.chance.random() < 0.6
        words = self.chance.choice(ARRIVED if call.taken is is_true else LOST)
        reference = str(call.key) if self.chance.random() < 0.5 else call.provider_id
        if words != "Sent":
            for one in self.record.calls:
                if one.key == call.key and one.channel == call.channel:
                    one.is_lost |= words in LOST
                    one.is_arrived |= words in ARRIVED
        conn.execute(text("SELECT session_worker.receipt(:channel, :reference, :words)"),
                     {"channel": call.channel, "reference": reference, "words": words})  # fmt: skip

    def acknowledge(self, conn: Connection) -> None:
        if not (rows := conn.execute(SEEN).all()):
            return
        row = self.chance.choice(rows)
        conn.execute(text("SELECT session_worker.acknowledge(:id)"), {"id": row.id})
        self.note_acknowledged(conn, [row.id])

    def read(self, conn: Connection) -> None:
        if not (rows := conn.execute(UNREAD).all()):
            return
        row = self.chance.choice(rows)
        conn.execute(
            text("UPDATE session_worker.inbox SET read_at = clock_timestamp() WHERE id = :id"),
            {"id": row.id},
        )
        self.note_acknowledged(conn, row.deliveries)

    def note_acknowledged(self, conn: Connection, ids: list[int]) -> None:
        seen = [(one.starts_at, one.tutor_id, one.student_id)
                for one in conn.execute(ALARMS, {"ids": ids})]  # fmt: skip
        self.at_end(conn, lambda: self.acknowledged.update(dict.fromkeys(seen, self.turns.steps)))

    def snooze(self, conn: Connection) -> None:
        """It comes once more then: that is a person's wish. And again, where a receipt says
        afterwards that the first did not arrive."""
        if not (rows := conn.execute(SEEN).all()):
            return
        row = self.chance.choice(rows)
        self.admin.note_wish(conn, [row], later=10_000)
        conn.execute(text("SELECT session_worker.snooze(:id, :minutes)"),
                     {"id": row.id, "minutes": self.chance.choice((1, 2, 4))})  # fmt: skip

    def stop(self, conn: Connection) -> None:
        """By the link in a message."""
        if not (links := conn.execute(LINKS).all()):
            return
        link = self.chance.choice(links)
        conn.execute(text("SELECT session_worker.mute(:key)"), {"key": link.key})
        self.at_end(conn, lambda: self.site.note_out(link.person_id + 100, is_out=True))

    def at_end(self, conn: Connection, note: Callable[[], None]) -> None:
        conn.info.setdefault("at_end", []).append(note)

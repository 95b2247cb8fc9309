"""An admin: pauses and resumes, decides on what is held or stuck, fills, and makes mistakes."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog, with_taken_ids
from scheduler.expansion.admin.backfill import Extent, begin_backfill
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pause, resume_all
from scheduler.reminders.dead_addresses import revive
from scheduler.reminders.moves import admin
from scheduler.reminders.moves.adoption import adopt_database
from scheduler.reminders.sweep import sweep_by_hand
from scheduler.settings import IdKind, Settings
from tests.simulation.fibers import Process, Turns
from tests.simulation.provider import Told
from tests.simulation.worker_parts import Broker

# What the admin does, and how often.
WISHES = {
    "pause": 2, "resume": 5, "retry": 9, "retry all": 2, "settle sent": 4, "settle not sent": 5,
    "release": 6, "drop": 3, "move away": 2, "adopt": 6, "backfill": 1, "as of later": 3,
    "say ids": 4, "revive": 2,
}  # fmt: skip
STUCK = text("""
    SELECT id, person_id, starts_at, kind, lead_minutes FROM session_worker.delivery
     WHERE state = ANY(:states) AND (retry_at IS NULL OR :waiting) ORDER BY id""")
OPEN_BATCHES = text("SELECT id FROM session_worker.held_batch WHERE settled_at IS NULL ORDER BY id")
MOVE_AWAY = text("UPDATE session_worker.installation SET objects = 'elsewhere'")
DEAD = text("SELECT address FROM session_worker.dead_address WHERE revived_at IS NULL")


@dataclass
class Admin:
    """`wished`: what an admin wanted sent again → the step by which that was committed."""

    turns: Turns
    chance: random.Random
    broker: Broker
    processes: Mapping[str, Process]
    catalog: SiteCatalog
    leads: frozenset[int]
    wished: dict[Told, int] = field(default_factory=dict)

    def wish(self) -> tuple[str, Callable[[Connection], object]]:
        """What the admin does next, in a transaction: its name, and the work."""
        now = self.turns.now
        works: Mapping[str, Callable[[Connection], object]] = {
            "pause": lambda conn: pause(
                conn, self.chance.choice((EVERY_CHANNEL, "email", "sms")), None, now
            ),
            "resume": lambda conn: resume_all(conn, now),
            "retry": lambda conn: self.decide(conn, "retry"),
            "retry all": self.retry_all,
            "settle sent": lambda conn: self.decide(conn, "settle_sent"),
            "settle not sent": lambda conn: self.decide(conn, "settle_not_sent"),
            "release": lambda conn: self.batch(conn, "release_batch"),
            "drop": lambda conn: self.batch(conn, "drop_batch"),
            "move away": lambda conn: conn.execute(MOVE_AWAY),
            "adopt": lambda conn: adopt_database(conn, now),
            "backfill": lambda conn: self.broker.delay(
                begin_backfill(conn, Extent(date(2026, 12, 2), date(2026, 12, 9)))
            ),
            "as of later": self.as_of_later,
            "say ids": lambda conn: self.say_ids(),
            "revive": lambda conn: revive(conn, [*conn.scalars(DEAD)], now),
        }  # fmt: skip
        name = self.chance.choices([*WISHES], [*WISHES.values()])[0]
        return name, works[name]

    def decide(self, conn: Connection, verb: str) -> None:
        """On one that is stuck."""
        states = ["unknown", "held"]
        if verb == "retry":
            states = ["failed", "unknown", "held", "unreachable", "obsolete"]
            states = [self.chance.choice(states)]
        waiting = verb != "retry" or self.chance.random() < 0.3
        found = conn.execute(STUCK, {"states": states, "waiting": waiting}).all()
        if not found:
            return
        row = self.chance.choice(found)
        if verb == "retry":
            self.note_wish(conn, [row])
        getattr(admin, verb)(conn, [row.id], self.turns.now)

    def retry_all(self, conn: Connection) -> None:
        found = conn.execute(STUCK, {"states": ["failed"], "waiting": False}).all()
        self.note_wish(conn, found)
        admin.retry_failed(conn, self.turns.now - timedelta(hours=1), self.turns.now)

    def note_wish(self, conn: Connection, rows: Any, later: int = 0) -> None:
        """What began before its commit may be told once more: the wish is noted now and then.
        `later`: so many steps longer."""
        told = {
            Told(row.person_id, row.starts_at, row.kind, lead)
            for row in rows for lead in {row.lead_minutes, *self.leads}
        }  # fmt: skip
        note: Callable[[], None] = lambda: self.wished.update(  # noqa: E731
            dict.fromkeys(told, self.turns.steps + later)
        )
        note()
        conn.info.setdefault("at_end", []).append(note)

    def batch(self, conn: Connection, verb: str) -> None:
        if found := conn.execute(OPEN_BATCHES).all():
            getattr(admin, verb)(conn, self.chance.choice(found).id, self.turns.now)

    def as_of_later(self, conn: Connection) -> None:
        """A round by hand as of an instant at which some have begun."""
        settings: Settings = self.processes["admin"].state["tools"].settings
        later = self.turns.now + timedelta(minutes=self.chance.choice((5, 12, 30)))
        sweep_by_hand(conn, with_taken_ids(conn, self.catalog), settings, later)

    def say_ids(self) -> None:
        """TUTOR_IDS: here both readings name the same people, so that nothing else is true."""
        for process in self.processes.values():
            tools = process.state["tools"]
            said = IdKind.USER if tools.settings.tutor_ids is not IdKind.USER else IdKind.PROFILE
            settings = tools.settings.model_copy(update={"tutor_ids": said})
            process.state["tools"] = replace(tools, settings=settings)

    def mend(self, conn: Connection, now: datetime) -> None:
        """What has to be right for the rest to be judged."""
        adopt_database(conn, now)
        resume_all(conn, now)

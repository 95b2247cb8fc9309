"""SIGKILL at each statement and commit of expansion, planning, claiming, sending and recording.

    uv run python -m tests.faults.killed_steps [KILLS [MINUTES]]    # 1,000 and 30 unless given

Real processes run rounds of the worker, two side by side, and each ends itself at one of its
points, all equally often. Sessions with due alarms, and weekly rules, are entered all the while;
each fifth round is let be. At the end rounds go on until everything is over. Messages are counted
at the receiver, and rows by the site's own. Prints the kills of each step, and what came of it;
exits 1 where a message or a row was lost, or came more often than the ledger has tries of it. A
message whose process was killed twice while it sent is held, and shown to the admin: that is not
lost.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from random import Random
from threading import Lock

from sqlalchemy import text

from tasks.demo.servers import Durability, PostgresServer, Workspace, start_postgres
from tests import servers
from tests.builders import a_session, a_student, a_tutor, an_anchor
from tests.faults import killed_round
from tests.faults.bursts import SETTLED, TRIES
from tests.faults.rounds import ADDIS, after_the_first_tick, in_wall_time
from tests.servers import connect
from tests.sinks.http import HttpSink

KINDS = ("delivery", "expansion")
MANY = 60  # points, before a round has told how many it has
LET_BE = 5
LANES = 2
MINUTES = 55
SETTLED_SECONDS = 240
HELD = text("SELECT session_id FROM session_worker.delivery WHERE state = 'held'")
LOST_ROWS = text("""
    SELECT count(*) FROM tutor_sessions a,
           generate_series(a.session_date + 7, current_date + 84, interval '7 days') AS d(day)
     WHERE a.is_recurring AND NOT EXISTS (
           SELECT FROM tutor_sessions t WHERE t.tutor_id = a.tutor_id
              AND t.student_id = a.student_id AND t.session_date = d.day::date)""")
DOUBLED_ROWS = text("""
    SELECT count(*) FROM (
        SELECT FROM tutor_sessions
         GROUP BY tutor_id, student_id, session_date, start_time HAVING count(*) > 1) d""")


@dataclass
class Told:
    """What came of it. `doubled`: messages that came again, each after a try without an answer;
    `silent`: those that came more often than the ledger has tries."""

    kills: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    rules: int = 0
    held: int = 0
    lost: int = 0
    doubled: int = 0
    silent: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    longest_delay: float = 0.0


@dataclass
class Rounds:
    """Two lanes take their next point from here."""

    server: PostgresServer
    settings: dict[str, str]
    wanted: int
    context: ForkServerContext
    until: float
    points: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, MANY))
    chance: Random = field(default_factory=lambda: Random(7))
    told: Told = field(default_factory=Told)
    entered: dict[int, datetime] = field(default_factory=dict)
    turn: int = 0
    lock: Lock = field(default_factory=Lock)

    def go_on(self, lane: int) -> None:
        """Enter work, and kill rounds, until enough have died."""
        with connect(self.server.url("site")) as conn:
            tutor = a_tutor(conn)
            while sum(self.told.kills.values()) < self.wanted and time.monotonic() < self.until:
                with self.lock:
                    self.turn += 1
                    kind = KINDS[self.turn % 4 == 0]
                    is_let_be = self.turn % LET_BE == 0
                    point = 0 if is_let_be else self.chance.randint(1, self.points[kind])
                alarmed = {"alarm_enabled": True, "alarm_before_minutes": MINUTES}
                ids = [a_session(conn, tutor_id=tutor, student_id=a_student(conn), **alarmed,
                                 **in_wall_time(MINUTES)) for _ in range(2)]  # fmt: skip
                if kind == "expansion":
                    an_anchor(conn, session_date=datetime.now(ADDIS).date() + timedelta(days=1))
                    self.told.rules += 1
                conn.commit()
                self.entered |= dict.fromkeys(ids, datetime.now(ADDIS))
                self.one(kind, point)

    def one(self, kind: str, point: int) -> None:
        here, there = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=killed_round.run, args=(self.settings, kind, point, there)
        )
        process.start()
        there.close()
        process.join(120)
        if not here.poll():
            return
        found = here.recv()
        with self.lock:
            if isinstance(found, str):
                self.told.kills[found] += 1
                if (number := sum(self.told.kills.values())) % 100 == 0:
                    print(f"{number} kills", file=sys.stderr, flush=True)
            else:
                self.points[kind] = max(MANY, found)


def measured(wanted: int, minutes: int) -> Told:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.killed_round"])
    with Workspace() as workspace, HttpSink() as sink:
        server = start_postgres(workspace, Durability.THROW_AWAY, {"max_connections": "200"})
        servers.create_template(server, "template")
        servers.clone_template(server, "site", "template")
        settings = {
            "database_url": server.url("site"),
            "channel_webhook": f"json://{sink.host}:{sink.port}/",
            "lease_seconds": "3",
            "flood_limit": "100000",
            "tutor_ids": "profile",
            "student_ids": "profile",
        }
        with connect(server.url("site")) as conn:
            after_the_first_tick(conn)
        until = time.monotonic() + 60 * minutes
        rounds = Rounds(server, settings, wanted, context, until)
        with ThreadPoolExecutor(LANES) as lanes:
            for lane in lanes.map(rounds.go_on, range(LANES)):
                assert lane is None
        settled_by = time.monotonic() + SETTLED_SECONDS
        rounds.one("expansion", 0)
        while not is_over(rounds) and time.monotonic() < settled_by:
            rounds.one("delivery", 0)
        return outcome(rounds, sink)


def is_over(rounds: Rounds) -> bool:
    with connect(rounds.server.url("site")) as conn:
        return int(conn.scalars(SETTLED).one()) >= len(rounds.entered)


def outcome(rounds: Rounds, sink: HttpSink) -> Told:
    told, arrived, sessions = rounds.told, Counter[int](), Counter[int]()
    for request in sink.requests:
        for session in request.json["data"]["sessions"]:
            arrived[session["delivery_id"]] += 1
            sessions[session["session_id"]] += 1
            delay = request.received_at - rounds.entered[session["session_id"]]
            if sessions[session["session_id"]] == 1:
                told.longest_delay = max(told.longest_delay, delay / timedelta(seconds=1))
    with connect(rounds.server.url("site")) as conn:
        tries = {row.delivery_id: row.number for row in conn.execute(TRIES)}
        held = {*conn.scalars(HELD)}
        told.rows_lost = int(conn.scalar(LOST_ROWS) or 0)
        told.rows_doubled = int(conn.scalar(DOUBLED_ROWS) or 0)
    told.messages = len(rounds.entered)
    missing = rounds.entered.keys() - sessions.keys()
    told.held, told.lost = len(held), len(missing - held)
    told.doubled = sum(times > 1 for times in arrived.values())
    told.silent = sum(times > tries.get(id_, 0) for id_, times in arrived.items())
    return told


def main() -> int:
    kills, minutes = [*map(int, sys.argv[1:]), *(1000, 30)[len(sys.argv) - 1 :]]
    told = measured(kills, minutes)
    print(json.dumps(vars(told)))
    return 1 if told.lost or told.silent or told.rows_lost or told.rows_doubled else 0


if __name__ == "__main__":
    sys.exit(main())

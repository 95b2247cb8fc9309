"""Each right of the worker's role, taken away by itself: one line of output names the missing one.

A right without which nothing fails would be one too many (docs/roles.md). PostgreSQL checks a
statement's rights before it looks for rows, so most passes need none to find.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from models.catalog import read_catalog
from models.rights import FUNCTIONS, ON_TABLES
from scheduler.alerts.admin_messages import claim_messages
from scheduler.database_clock import database_now
from scheduler.doctor import examine_database
from scheduler.ledger.feed_tokens import Reader, note_use
from scheduler.ledger.retention import remove_rest, remove_slice
from scheduler.reminders.begun_batches import note_begun
from scheduler.reminders.channel_troubles import note_failure, note_success
from scheduler.reminders.dead_addresses import Cause, bury
from scheduler.reminders.moves.held_batches import open_batch
from scheduler.reminders.moves.inbox import Copy, place
from scheduler.reminders.moves.limits import said_too_often
from scheduler.reminders.moves.receipts import note_bounce
from scheduler.reminders.mute_links import make_links
from scheduler.reminders.sms_budget import give_back, is_spent, spend
from scheduler.reminders.sweep import sweep
from scheduler.reminders.telegram_chats import (
    Press,
    answer,
    follow_group,
    link,
    take_reading_turn,
    unlink,
)
from scheduler.reminders.tick import tick
from scheduler.settings import ChannelName, load_settings
from scheduler.settings.field_types import Rate
from tasks.alerts.watch import note
from tasks.channels.rate.ledger_window import LedgerWindow
from tasks.demo.servers import drop_database
from tasks.demo.servers.databases import Server
from tasks.failures.known import failure_of
from tests import servers
from tests.builders import a_session, an_absence, an_anchor, an_enrolment
from tests.clean_databases import unused_name
from tests.command_line import Commands
from tests.faults.rounds import in_wall_time
from tests.scheduler.ledger.rows import a_batch, a_delivery
from tests.servers import connect, engine_on

pytestmark = pytest.mark.long

TOLD = {"student_ids": "profile", "tutor_ids": "profile", "outbox": "log"}
SETTINGS = load_settings(_env_file=None, **TOLD)
TODAY = datetime.now(UTC).date()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Site:
    """A site whose worker has a role of its own; `owner` plays the site and its admin."""

    owner: Connection
    commands: Commands
    engine: Engine
    role: str

    def run(self, *words: object) -> Sequence[str]:
        """The error lines of a command."""
        command, *arguments = map(str, words)
        told = {name.upper(): value for name, value in TOLD.items()}
        done = self.commands.run(command, *arguments, **told)
        return [line for line in done.stderr.splitlines() if line.startswith("Error: ")]

    def do(self, work: Callable[[Connection], object]) -> Sequence[str]:
        """The lines that the log of a worker would get."""
        self.owner.commit()
        try:
            with self.engine.begin() as conn:
                work(conn)
        except DBAPIError as error:
            if (failure := failure_of(error)) is None:
                raise
            return failure.lines
        return []

    @contextmanager
    def without(self, right: str) -> Iterator[None]:
        """`right`: as in GRANT."""
        self.owner.rollback()
        self.owner.execute(text(f"REVOKE {right} FROM {self.role}"))
        self.owner.commit()
        try:
            yield
        finally:
            self.owner.rollback()
            self.owner.execute(text(f"GRANT {right} TO {self.role}"))
            self.owner.commit()


Step = Callable[[Site], Sequence[str]]


def expand(site: Site) -> Sequence[str]:
    an_anchor(site.owner, session_date=TODAY)
    return site.run("expand")


def expand_refused(site: Site) -> Sequence[str]:
    """A rule of which the site refuses all rows."""
    an_anchor(site.owner, session_date=TODAY, topic="refused")
    return [line for line in site.run("expand") if "permission denied" in line]


REFUSE = """
    ALTER TABLE tutor_sessions
      ADD CHECK (is_recurring OR topic IS DISTINCT FROM 'refused') NOT VALID"""


def expand_wider_table(site: Site) -> Sequence[str]:
    """The site's table has got a column."""
    site.owner.execute(text(f"ALTER TABLE tutor_sessions ADD COLUMN c{secrets.token_hex(6)} text"))
    return expand(site)


def follow_anchor(site: Site) -> Sequence[str]:
    """The anchor has got another topic, which its rows are to follow."""
    anchor = an_anchor(site.owner, session_date=TODAY)
    assert site.run("expand") == []
    site.owner.execute(
        text("UPDATE tutor_sessions SET topic = 'new' WHERE id = :id"), {"id": anchor}
    )
    return site.run("expand")


def take_rules_back(site: Site) -> Sequence[str]:
    """A generated row that is marked as recurring without a rule, and not any more."""
    anchor = an_anchor(site.owner, session_date=TODAY)
    assert site.run("expand") == []
    for is_on in (True, False):
        site.owner.execute(text(MARK), {"anchor": anchor, "on": is_on})
        lines = site.run("expand")
    return lines


MARK = """
    UPDATE tutor_sessions SET is_recurring = :on, session_frequency = 'now and then'
     WHERE id = (SELECT min(session_id) FROM session_worker.occurrence
                  WHERE anchor_id = :anchor AND state = 'created')"""


def backfill(site: Site) -> Sequence[str]:
    an_anchor(site.owner, session_date=date(2026, 9, 1))
    return site.run("backfill", "2026-09-01", "2026-09-20", "--inline")


def send(site: Site) -> Sequence[str]:
    """`remind`, with an alarm that is due."""
    a_session(site.owner, **in_wall_time(10), alarm_enabled=True, alarm_before_minutes=15)
    return site.run("remind")


def plan(site: Site) -> Sequence[str]:
    return site.do(lambda conn: tick(conn, read_catalog(conn), SETTINGS, database_now(conn)))


def sweep_ledger(site: Site) -> Sequence[str]:
    return site.do(lambda conn: sweep(conn, read_catalog(conn), SETTINGS, database_now(conn)))


def follow_receipt(site: Site) -> Sequence[str]:
    """A sweep, with a receipt to follow."""
    site.owner.execute(text("DELETE FROM session_worker.receipt"))
    note_bounce(site.owner, "email", str(uuid4()), "5.1.1", "undelivered")
    return sweep_ledger(site)


def upkeep(site: Site) -> Sequence[str]:
    def work(conn: Connection) -> None:
        remove_slice(conn, LONG_AGO, "UTC", 0)
        remove_rest(conn, LONG_AGO, "UTC")

    return site.do(work)


def watch(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note(conn, SETTINGS, database_now(conn)))


def tell_admin(site: Site) -> Sequence[str]:
    return site.do(claim_messages)


def add_absence(site: Site) -> Sequence[str]:
    return site.run("absence", "add", "2026-12-24", "2026-12-26", "--everybody")


def withdraw_absence(site: Site) -> Sequence[str]:
    return site.run("absence", "withdraw", an_absence(site.owner, date(2026, 12, 24)))


def hold(site: Site) -> Sequence[str]:
    return site.do(lambda conn: open_batch(conn, "flood", "2000 sessions changed"))


def release(site: Site) -> Sequence[str]:
    return site.run("deliveries", "release", "--batch", a_batch(site.owner))


def pause(site: Site) -> Sequence[str]:
    return site.run("deliveries", "pause")


def resume(site: Site) -> Sequence[str]:
    return site.run("deliveries", "resume")


def feed(site: Site) -> Sequence[str]:
    return site.run("feed", a_person(site), "--make")


def read_feed(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note_use(conn, Reader(1, 1, False, database_now(conn))))


def forget(site: Site) -> Sequence[str]:
    return site.run("forget", a_person(site))


def a_person(site: Site) -> int:
    found: int = site.owner.scalar(text("SELECT min(id) FROM users"))
    return found


def bounce(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note_bounce(conn, "email", str(uuid4()), "5.1.1", "undelivered"))


def refuse_address(site: Site) -> Sequence[str]:
    return site.do(lambda conn: bury(conn, [1], Cause.REFUSED))


def begin_batch(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note_begun(conn, uuid4()))


def fail_channel(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note_failure(conn, "email", "421"))


def reach_channel(site: Site) -> Sequence[str]:
    return site.do(lambda conn: note_success(conn, "email", database_now(conn)))


def count_parts(site: Site) -> Sequence[str]:
    def work(conn: Connection) -> None:
        is_spent(conn, 10, TODAY)
        spend(conn, 1, 10, TODAY)
        give_back(conn, 1, TODAY)

    return site.do(work)


def send_sms(site: Site) -> Sequence[str]:
    return site.do(lambda c: said_too_often(c, "+251911", "words", uuid4(), database_now(c)))


def place_in_inbox(site: Site) -> Sequence[str]:
    copy = Copy(1, "alarm", "title", "text", None, [1], [1], uuid4())
    return site.do(lambda conn: place(conn, copy))


def make_mute_links(site: Site) -> Sequence[str]:
    return site.do(lambda conn: make_links(conn, [1]))


def take_permit(site: Site) -> Sequence[str]:
    window = LedgerWindow(site.engine, ChannelName.EMAIL, Rate(count=5, per=timedelta(seconds=1)))
    return site.do(lambda _: window.take())


def read_chats(site: Site) -> Sequence[str]:
    return site.do(lambda conn: take_reading_turn(conn, uuid4(), 1, timedelta(seconds=9)))


def link_chat(site: Site) -> Sequence[str]:
    return site.do(lambda conn: link(conn, "word", 1))


def unlink_chat(site: Site) -> Sequence[str]:
    return site.do(lambda conn: unlink(conn, 1))


def move_chat(site: Site) -> Sequence[str]:
    return site.do(lambda conn: follow_group(conn, 1, 2))


def press_button(site: Site) -> Sequence[str]:
    alarm = next(iter(site.owner.scalars(text(ALARM))), None) or a_delivery(site.owner)
    site.owner.execute(text(CHAT))
    acknowledged = site.do(lambda conn: answer(conn, Press(alarm, 5)))
    return acknowledged or site.do(lambda conn: answer(conn, Press(alarm, 5, 10)))


ALARM = "SELECT id FROM session_worker.delivery WHERE person_id = 7 LIMIT 1"
CHAT = """
    INSERT INTO session_worker.telegram_chat (person, chat) VALUES (7, 5) ON CONFLICT DO NOTHING"""


def doctor(site: Site) -> Sequence[str]:
    """What the doctor says of rights: without some the worker goes on, only slower."""
    site.owner.commit()
    with site.engine.connect() as conn:
        found = examine_database(conn, SETTINGS, database_now(conn))
    return [f"permission denied: {one.cure}" for one in found if one.code == "rights_missing"]


# In the order of the rights in models/rights.py.
NEEDED_BY: Mapping[str, Sequence[Step]] = {
    "session_worker.absence": (sweep_ledger, add_absence, withdraw_absence, upkeep),
    "session_worker.admin_message": (upkeep, watch, tell_admin, upkeep),
    "session_worker.attempt": (sweep_ledger, send, sweep_ledger, upkeep),
    "session_worker.backfill": (upkeep, backfill, backfill, upkeep),
    "session_worker.backfill_chunk": (backfill, backfill, backfill),
    "session_worker.begun_batch": (sweep_ledger, begin_batch, sweep_ledger),
    "session_worker.channel_trouble": (fail_channel, fail_channel, fail_channel, reach_channel),
    "session_worker.dead_address": (upkeep, refuse_address, refuse_address, upkeep),
    "session_worker.delivery": (plan, sweep_ledger, plan, upkeep),
    "session_worker.feed_token": (upkeep, feed, read_feed, upkeep),
    "session_worker.finding": (upkeep, expand, upkeep),
    "session_worker.heartbeat": (plan, plan, plan),
    "session_worker.held_batch": (upkeep, hold, release, upkeep),
    "session_worker.inbox": (upkeep, place_in_inbox, place_in_inbox, upkeep),
    "session_worker.installation": (plan, plan),
    "session_worker.last_look": (doctor, doctor, doctor),
    "session_worker.migration": (expand,),
    "session_worker.move": (plan, plan, upkeep),
    "session_worker.mute_link": (send, make_mute_links, forget),
    "session_worker.occurrence": (sweep_ledger, expand, expand, add_absence),
    "session_worker.pause": (send, pause, pause, resume),
    "session_worker.permit": (take_permit, take_permit, take_permit),
    "session_worker.preference": (plan, move_chat),
    "session_worker.receipt": (upkeep, bounce, follow_receipt, upkeep),
    "session_worker.refused": (expand, expand_refused, expand_refused, expand),
    "session_worker.series": (expand, expand, expand, take_rules_back),
    "session_worker.site_shape": (expand, expand_wider_table, expand_wider_table),
    "session_worker.sms_month": (count_parts, count_parts, count_parts),
    "session_worker.sms_text": (upkeep, send_sms, upkeep),
    "session_worker.standing_error": (watch, watch, watch),
    "session_worker.telegram_chat": (link_chat, link_chat, move_chat, unlink_chat),
    "session_worker.telegram_invite": (upkeep, upkeep),
    "session_worker.telegram_reader": (read_chats, read_chats),
    "session_worker.zone": (doctor,),
    "tutor_sessions": (expand, expand, follow_anchor),
    "users": (send,),
    "tutor_profiles": (send,),
    "student_profiles": (send,),
    "parent_profiles": (send,),
    "tutor_students": (send,),
    "whiteboard_sessions": (send,),
}
EACH = [
    (table, right, step)
    for table, rights in ON_TABLES.items()
    for right, step in zip(rights, NEEDED_BY.get(table, ()), strict=True)
]


@pytest.fixture(scope="module")
def site(postgres: Server, template: str) -> Iterator[Site]:
    database, role = unused_name("rights"), f"worker_{secrets.token_hex(6)}"
    servers.clone_template(postgres, database, template)
    url = postgres.url(database)
    with connect(url) as owner:
        assert Commands(owner, url).run("setup", "--role", role).exit_code == 0
        owner.execute(text(f"ALTER ROLE {role} PASSWORD 'guest'"))
        an_enrolment(owner)
        owner.execute(text(REFUSE))
        owner.commit()
        of_role = make_url(url).set(username=role, password="guest")
        worker = of_role.render_as_string(hide_password=False)
        yield Site(owner, Commands(owner, worker), engine_on(worker), role)
        owner.rollback()
        for statement in ("DROP OWNED BY", "DROP ROLE"):
            owner.execute(text(f"{statement} {role}"))
        owner.commit()
    drop_database(postgres, database)


def test_with_all_its_rights_nothing_is_denied(site: Site) -> None:
    steps = {step: None for _, _, step in EACH}

    assert {step.__name__: [*step(site)] for step in steps if step(site)} == {}


@pytest.mark.parametrize(
    ("table", "right", "step"),
    [pytest.param(*each, id=f"{each[0]}-{each[1]}-{each[2].__name__}") for each in EACH],
)
def test_without_one_right_one_line_says_so(site: Site, table: str, right: str, step: Step) -> None:
    with site.without(f"{right} ON {table}"):
        lines = step(site)

    assert len(lines) == 1
    assert "permission denied" in lines[0]
    assert table.removeprefix("session_worker.") in lines[0]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_without_a_function_one_line_says_so(site: Site, function: str) -> None:
    with site.without(f"EXECUTE ON FUNCTION {function}"):
        [line] = press_button(site)

    name = function.removeprefix("session_worker.").partition("(")[0]
    assert f"permission denied for function {name}" in line


def test_a_role_may_adopt_a_database(site: Site) -> None:
    """As it does by itself after a fail-over, too."""
    site.owner.execute(text("UPDATE session_worker.installation SET timeline = timeline + 1"))

    assert site.run("doctor", "--adopt-database") == []

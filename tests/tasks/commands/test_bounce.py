"""`deliveries bounce`: what a mail system's pipe hands over, and the exit code that it gets."""

from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from scheduler.reminders.dead_addresses import dead_addresses
from scheduler.reminders.moves.receipts import follow_receipts
from scheduler.settings import load_settings
from tasks.commands.deliveries import deliveries
from tests.scheduler.ledger.rows import NOW, a_delivery, an_attempt, row_of
from tests.sinks.ports import free_ports

SAMPLES = Path(__file__).parents[1] / "channels" / "bounces"
KEY = "b7c1d2e4-5a60-4f3b-9d18-0e2a6c94f70"
MAIL = "mailto://mail.example/?from=desk@school.example&to={email}"


class Pipe:
    """A mail system that hands mails over; two channels, so that there is a next one."""

    def __init__(self, conn: Connection, database: str, valkey: str) -> None:
        self.conn = conn
        self.settings = {"DATABASE_URL": database, "REDIS_URL": valkey, "CHANNEL_EMAIL": MAIL}

    def mailed(self, number: int, address: str = "gone@mail.example") -> int:
        """A reminder that went by mail under the sample's key."""
        key = UUID(f"{KEY}{number}")
        hashed = dead_addresses(self.conn).hash_of("email", address)
        id_ = a_delivery(self.conn, state="sent", channel="email", message_key=key)
        an_attempt(self.conn, id_, channel="email", message_key=key, address=hashed)
        return id_

    def hand_over(self, raw: bytes, **changes: str) -> Result:
        self.conn.commit()
        runner = CliRunner(env={**self.settings, **changes})
        return runner.invoke(deliveries, ["bounce"], input=raw)

    def sample(self, name: str, **changes: str) -> Result:
        return self.hand_over((SAMPLES / f"{name}.eml").read_bytes(), **changes)

    def dead(self) -> list[str]:
        """Causes of death, after a sweep."""
        with self.conn.begin_nested():
            follow_receipts(self.conn, load_settings(_env_file=None), NOW)
        causes = text("SELECT cause FROM session_worker.dead_address ORDER BY address")
        return [*self.conn.scalars(causes)]


@pytest.fixture
def pipe(conn: Connection, database: str, valkey: str) -> Pipe:
    return Pipe(conn, database, valkey)


@pytest.mark.parametrize(
    ("name", "number", "address"),
    [
        ("postfix-two", 1, "gone@mail.example"),
        ("sendmail-nobody", 2, "old@school.example"),
        ("courier-nobody", 3, "gone@mail.example"),
        ("exim-nobody", 4, "gone@mail.example"),
        ("dma-nobody", 5, "gone@mail.example"),
        ("opensmtpd-nobody", 6, "old@school.example"),  # an alias, of which it says nothing
    ],
)
def test_a_bounce_makes_its_mail_undelivered_and_the_address_dead(
    pipe: Pipe, name: str, number: int, address: str
) -> None:
    id_ = pipe.mailed(number, address)

    for _ in range(2):
        result = pipe.sample(name)
        assert (result.exit_code, result.stderr) == (0, "")

    assert row_of(pipe.conn, id_).receipt == "undelivered"
    assert pipe.dead() == ["bounced"]
    assert pipe.conn.scalar(text("SELECT count(*) FROM session_worker.receipt")) == 1


def test_of_two_recipients_that_of_the_mail_decides(pipe: Pipe) -> None:
    id_ = pipe.mailed(1, "full@mail.example")

    pipe.sample("postfix-two")

    assert row_of(pipe.conn, id_).receipt == "undelivered"
    assert pipe.dead() == []


def test_a_copy_that_comes_back_says_nothing_of_the_person(pipe: Pipe) -> None:
    id_ = pipe.mailed(4, "person@mail.example")

    result = pipe.sample("exim-nobody", CHANNEL_EMAIL=f"{MAIL}&bcc=Gone@mail.example")

    assert result.exit_code == 0
    assert row_of(pipe.conn, id_).receipt is None


def test_a_report_that_names_a_copy_too_kills_no_address(pipe: Pipe) -> None:
    id_ = pipe.mailed(7, "person@mail.example")

    pipe.sample("nullmailer-copy", CHANNEL_EMAIL=f"{MAIL}&cc=archive@school.example")

    assert row_of(pipe.conn, id_).receipt == "undelivered"
    assert pipe.dead() == []


@pytest.mark.parametrize("name", ["dovecot-away", "postfix-delayed"])
def test_an_automatic_reply_and_a_delay_change_nothing(pipe: Pipe, name: str) -> None:
    ids = [pipe.mailed(1)]
    key = UUID(KEY + "b")
    ids.append(a_delivery(pipe.conn, state="sent", message_key=key, session_id=2, student_id=2))
    an_attempt(pipe.conn, ids[1], message_key=key)

    assert pipe.sample(name).exit_code == 0

    assert [row_of(pipe.conn, id_).receipt for id_ in ids] == [None, None]


def test_a_bounce_of_no_mail_of_ours_changes_nothing(pipe: Pipe) -> None:
    pipe.mailed(4)

    result = pipe.sample("courier-nobody")

    assert (result.exit_code, pipe.dead()) == (0, [])
    assert "no mail of ours" in result.stdout


def test_one_that_names_two_of_our_mails_changes_nothing(pipe: Pipe) -> None:
    ids = [pipe.mailed(4)]
    ids.append(a_delivery(pipe.conn, state="sent", session_id=2, student_id=2))
    an_attempt(pipe.conn, ids[1], message_key=UUID(KEY + "9"))
    raw = (SAMPLES / "exim-nobody.eml").read_bytes()

    result = pipe.hand_over(raw + f"\nMessage-ID: <{KEY}9@school.example>\n".encode())

    assert result.exit_code == 0
    assert [row_of(pipe.conn, id_).receipt for id_ in ids] == [None, None]


@pytest.mark.parametrize("raw", [b"", b"\0" * 1000, b"From: a@b.example\n\nHello\n"])
def test_whatever_else_is_read_is_taken(pipe: Pipe, raw: bytes) -> None:
    assert pipe.hand_over(raw).exit_code == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:{port}/none"),
        ("REDIS_URL", "redis://127.0.0.1:{port}/0"),
        ("REDIS_URL", ""),
        ("SITE_TIMEZONE", "Addis"),
    ],
)
def test_an_outage_or_mistake_of_ours_makes_the_mail_system_try_again(
    pipe: Pipe, setting: str, value: str
) -> None:
    id_ = pipe.mailed(4)
    [port] = free_ports(1)

    result = pipe.sample("exim-nobody", **{setting: value.format(port=port)})

    assert result.exit_code == 75
    assert len(result.stderr.splitlines()) == 1
    assert row_of(pipe.conn, id_).receipt is None


def test_a_sweep_is_posted_at_once(pipe: Pipe, valkey: str) -> None:
    import redis

    pipe.mailed(4)
    pipe.sample("exim-nobody")

    with redis.from_url(valkey) as broker:
        assert broker.llen("planning") == 1

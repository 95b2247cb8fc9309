"""The watch: what ADMIN gets, how often, and when HEARTBEAT_URL is called."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from scheduler.database_clock import database_now
from scheduler.reminders.progress import note_beat
from scheduler.settings import InvalidSetting, load_settings
from tasks.alerts.watch import watch
from tasks.channels.admin_way import admin_way
from tests.scheduler.ledger.rows import a_batch
from tests.servers import engine_on
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink

ADMIN = "admin@school.example"
ADDIS = ZoneInfo("Africa/Addis_Ababa")
MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=ADDIS)
MINUTE = timedelta(minutes=1)
ON = {"notification_enabled": True, "alarm_enabled": True}
Watch = Callable[..., None]


@pytest.fixture
def url(smtp_sink: SmtpSink) -> str:
    return f"mailto://{smtp_sink.host}:{smtp_sink.port}/?from=worker@site.example&to={ADMIN}"


@pytest.fixture
def mail_channel(url: str) -> str:
    return url.replace(ADMIN, "{email}")


@pytest.fixture
def run(conn: Connection, database: str, url: str, mail_channel: str) -> Watch:
    """Runs one watch with ADMIN by e-mail; keywords are other settings."""
    engine = engine_on(database)

    def once(**changes: Any) -> None:
        conn.commit()
        given = {"database_url": database, "admin": url, "channel_email": mail_channel, **changes}
        watch(engine, load_settings(_env_file=None, **given))

    return once


def outcomes(conn: Connection) -> list[Any]:
    conn.commit()
    rows = conn.execute(text("SELECT kind, outcome FROM session_worker.admin_message ORDER BY id"))
    return [tuple(row) for row in rows]


def test_a_new_error_goes_to_the_admin_once_with_its_cure(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    batch = a_batch(conn)

    run()
    run()

    [mail] = smtp_sink.mails_to(ADMIN)
    assert mail.subject.startswith("Session worker: 0 messages held with batch")
    assert f"celery -A tasks deliveries release --batch {batch}" in mail.text
    assert outcomes(conn) == [("errors", "sent")]


def test_a_healthy_installation_writes_nothing(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    run()

    assert smtp_sink.mails == []
    assert outcomes(conn) == []


def test_watches_side_by_side_tell_an_error_once(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    a_batch(conn)
    conn.commit()

    with ThreadPoolExecutor(4) as crowd:
        for done in [crowd.submit(run) for _ in range(4)]:
            done.result()

    assert len(smtp_sink.mails_to(ADMIN)) == 1


def test_a_message_that_was_refused_is_sent_later_as_the_same_mail(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    a_batch(conn)
    smtp_sink.reply("BODY", "451 4.3.0 try later", times=1)

    run()
    run()  # its wait is not over
    conn.execute(text("UPDATE session_worker.admin_message SET retry_at = now()"))
    run()

    first, second = smtp_sink.mails_to(ADMIN)
    assert (first.accepted, second.accepted) == (False, True)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert outcomes(conn) == [("errors", "sent")]


def test_a_message_cut_off_by_a_kill_is_taken_up_after_its_lease(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    a_batch(conn)
    smtp_sink.reply("BODY", "451 4.3.0 try later", times=1)
    run()
    conn.execute(text("UPDATE session_worker.admin_message SET retry_at = NULL,"
                      " lease_until = now() - interval '1 s'"))  # fmt: skip

    run()

    assert outcomes(conn) == [("errors", "sent")]


def test_with_outbox_log_nothing_leaves(conn: Connection, run: Watch, smtp_sink: SmtpSink) -> None:
    a_batch(conn)

    run(outbox="log")

    assert smtp_sink.mails == []
    assert outcomes(conn) == [("errors", "logged")]


def test_with_a_redirect_it_goes_to_that_address_alone(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    a_batch(conn)

    run(outbox="redirect:trial@site.example")

    assert smtp_sink.mails_to(ADMIN) == []
    [mail] = smtp_sink.mails_to("trial@site.example")
    assert mail.text.startswith("[ADMIN]")


def test_a_webhook_as_admin_gets_the_words(
    conn: Connection, run: Watch, http_sink: HttpSink
) -> None:
    a_batch(conn)

    run(admin=f"json://{http_sink.host}:{http_sink.port}/ops")

    [request] = http_sink.requests
    assert "held with batch" in request.json["message"]


@pytest.mark.parametrize(
    ("admin", "words"),
    [
        ("nonsense", "ADMIN: this is no URL"),
        ("mailto://host?from=a@b.example&to={email}", "ADMIN: write the admin's own address"),
        ("syslog://", "ADMIN: syslog:// cannot be used"),
        ("https://user:tok3n@host/", "ADMIN: https:// is no Apprise URL"),
    ],
)
def test_an_admin_that_cannot_be_used_is_refused_in_one_line(admin: str, words: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        admin_way(load_settings(_env_file=None, admin=admin))

    assert words in str(refused.value)
    assert "tok3n" not in str(refused.value)


def test_a_digest_with_nothing_to_say_is_not_sent(
    conn: Connection, run: Watch, smtp_sink: SmtpSink
) -> None:
    conn.execute(text("INSERT INTO session_worker.admin_message (kind, occasion)"
                      " VALUES ('digest', 'digest of a test')"))  # fmt: skip
    run()

    assert smtp_sink.mails == []
    assert outcomes(conn) == [("digest", "nothing")]


@pytest.fixture
def alive(conn: Connection, http_sink: HttpSink) -> dict[str, Any]:
    """All parts have just answered; the settings of a watch with HEARTBEAT_URL alone."""
    now = database_now(conn)
    for name in ("tick", "sweep", "delivery"):
        note_beat(conn, name, now)
    return {"admin": "", "heartbeat_url": f"{http_sink.url}/ping/s3cret-key"}


def calls(http_sink: HttpSink) -> list[str]:
    return [request.path for request in http_sink.requests]


def test_the_heartbeat_is_called_while_all_parts_live(
    run: Watch, alive: dict[str, Any], http_sink: HttpSink
) -> None:
    run(**alive)
    run(**alive)

    assert calls(http_sink) == ["/ping/s3cret-key"] * 2


@pytest.mark.parametrize("part", ["tick", "sweep", "delivery"])
def test_the_heartbeat_is_not_called_while_one_part_is_silent(
    conn: Connection, run: Watch, alive: dict[str, Any], http_sink: HttpSink, part: str
) -> None:
    note_beat(conn, part, database_now(conn) - timedelta(minutes=3))

    run(**alive)

    assert calls(http_sink) == []


def test_the_heartbeat_is_not_called_from_a_copy_or_a_trial(
    conn: Connection, run: Watch, alive: dict[str, Any], http_sink: HttpSink
) -> None:
    run(**alive, outbox="log")
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))
    run(**alive)

    assert calls(http_sink) == []


def test_a_heartbeat_that_fails_is_logged_without_its_key(
    run: Watch, alive: dict[str, Any], http_sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    http_sink.answer(Answer(status=503))

    run(**alive)

    assert "HEARTBEAT_URL could not be called: it answered 503" in caplog.text
    assert "s3cret" not in caplog.text

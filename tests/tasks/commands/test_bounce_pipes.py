"""Bounces through the pipes of a real Postfix and a real Exim, whose user reaches nothing here."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor
from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.mail_systems import EXIM_MISSING, POSTFIX_MISSING, MailSystem, exim, postfix
from tests.sinks.http import Answer, HttpSink
from tests.sinks.ports import free_ports
from tests.sinks.smtp import SmtpSink
from tests.tasks.delivery.conftest import make_day
from tests.tasks.delivery.lesson_day import LessonDay

__all__ = ["make_day"]

pytestmark = pytest.mark.long  # a mail system's processes, and two of ours one after another

GONE = "gone@mail.example"
WAYS = """
    INSERT INTO session_worker.preference (person_id, channels)
    SELECT id, '{email,sms}' FROM users"""
# As docs/bounces.md has it, in a folder that this user may not enter.
AS_DOCUMENTED = """#!/bin/sh
(
    cd /root/session-worker && set -a && . ./bounce.env &&
        .venv/bin/celery -A tasks deliveries bounce
) >/dev/null 2>&1 || exit 75
"""
# Lays the mail down for the test, which runs the command, and ends with the command's exit code.
FOR_THE_TEST = """#!/bin/sh
cd {box} && cat >$$.part && mv $$.part $$.eml || exit 75
while [ ! -f $$.code ]; do sleep 0.1; done
exit $(cat $$.code)
"""


@pytest.fixture(
    params=[
        pytest.param(postfix, marks=pytest.mark.skipif(
            POSTFIX_MISSING, reason="Debian's postfix is not installed, or no root")),
        pytest.param(exim, marks=pytest.mark.skipif(
            EXIM_MISSING, reason="Debian's exim4-daemon-light is not installed, or no root")),
    ]
)  # fmt: skip
def mail_system(request: pytest.FixtureRequest, smtp_sink: SmtpSink) -> Iterator[MailSystem]:
    make: Callable[[int], AbstractContextManager[MailSystem]] = request.param
    with make(smtp_sink.port) as system:
        box = system.folder / "box"
        box.mkdir()
        box.chmod(0o777)
        yield system


def be(wrapper: Path, script: str) -> None:
    wrapper.write_text(script)
    wrapper.chmod(0o755)


def hand_over(system: MailSystem, settings: Mapping[str, str]) -> int:
    """What the pipe gets: the command run on the mail, and its exit code given back."""
    box = system.folder / "box"
    path = box / eventually(lambda: next((each.name for each in box.glob("*.eml")), ""), within=60)
    command = [sys.executable, "-m", "celery", "-A", "tasks", "deliveries", "bounce"]
    ended = subprocess.run(
        command, input=path.read_bytes(), cwd=REPOSITORY, env={**os.environ, **settings},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    path.unlink()
    path.with_suffix(".code").write_text(str(ended.returncode))
    return ended.returncode


@pytest.fixture
def day(
    make_day: Callable[..., LessonDay],
    conn: Connection,
    mail_system: MailSystem,
    http_sink: HttpSink,
) -> LessonDay:
    """A tutor who gets a reminder by e-mail, or else by SMS, at 13:00."""
    tutor = a_tutor(conn, email=GONE, phone="0911223344")
    a_session(conn, tutor_id=tutor, student_id=a_student(conn), notification_enabled=True)
    conn.execute(text(WAYS))
    http_sink.answer(Answer(200, b'{"sent": true}'))
    sender = "?from=desk@school.example&to={email}"
    return make_day(
        reminder_leads="1h",
        channel_email=f"mailto://127.0.0.1:{mail_system.port}{sender}",
        channel_sms=http_sink.url.replace("http", "json") + "/?:to={phone}",
        channel_sms_accepted="sent=true",
    )


def test_a_bounce_waits_for_us_and_then_the_next_channel_is_used(
    day: LessonDay,
    mail_system: MailSystem,
    smtp_sink: SmtpSink,
    http_sink: HttpSink,
    database: str,
    valkey: str,
) -> None:
    be(mail_system.wrapper, AS_DOCUMENTED)
    smtp_sink.reply("RCPT", "550 5.1.1 no such user", recipient=GONE)
    day.at("13:00")
    eventually(lambda: "defer" in mail_system.log)

    be(mail_system.wrapper, FOR_THE_TEST.format(box=mail_system.folder / "box"))
    settings = {
        "DATABASE_URL": database,
        "CHANNEL_EMAIL": day.tools.settings.channels["email"].url,  # type: ignore[index]
    }
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_ports(1)[0]}/0"}
    deferred = mail_system.log.count("defer")
    mail_system.flush()
    assert hand_over(mail_system, {**settings, **away}) == 75
    eventually(lambda: mail_system.log.count("defer") > deferred)
    assert receipt(day) is None
    mail_system.flush()
    assert hand_over(mail_system, {**settings, "REDIS_URL": valkey}) == 0

    assert receipt(day) == "undelivered"
    day.at("13:05")
    assert len(http_sink.requests) == 1
    assert [row.cause for row in day.read("SELECT cause FROM session_worker.dead_address")] == [
        "bounced"
    ]


def receipt(day: LessonDay) -> str | None:
    found: str | None = day.read("SELECT receipt FROM session_worker.delivery")[0].receipt
    return found

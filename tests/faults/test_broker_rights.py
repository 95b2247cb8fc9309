"""The rights that docs/broker.md asks for are enough, and no call of the worker's is refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, make_url

from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tests.builders import a_session, a_student
from tests.command_line import REPOSITORY, Commands
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, in_wall_time, mail_channel
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

[LINE] = re.findall(
    r"^ACL SETUSER worker on >PASSWORD (.*)$", (REPOSITORY / "docs/broker.md").read_text(), re.M
)


@pytest.fixture
def broker(workspace: Workspace) -> Iterator[ValkeyServer]:
    server = start_valkey(workspace)
    yield server
    server.stop()


def test_a_user_with_the_rights_of_the_page_is_enough(
    conn: Connection, database: str, broker: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    student = a_student(conn, email="abebe@tutoring.example")
    a_session(conn, student_id=student, alarm_enabled=True, alarm_before_minutes=60,
              **in_wall_time(60))  # fmt: skip
    after_the_first_tick(conn)
    url = make_url(broker.url()).set(username="worker", password="secret")
    as_worker = url.render_as_string(hide_password=False)
    with redis.Redis.from_url(broker.url()) as client:
        admin: Any = client
        admin.execute_command("ACL", "SETUSER", "worker", "on", ">secret", *LINE.split())
        environment = {**mail_channel(smtp_sink), "CHANNEL_EMAIL_RATE": "50/s"}
        with running(database, as_worker, **environment) as site:
            site.worker()
            site.beat()
            eventually(lambda: smtp_sink.mails_to("abebe@tutoring.example"))
            examined = Commands(conn, database).run("doctor", REDIS_URL=as_worker, **environment)
            assert "broker" not in examined.stdout
            assert "worker answers" not in examined.stdout

        assert admin.acl_log() == []

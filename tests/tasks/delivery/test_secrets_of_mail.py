"""An alarm by each mail service, from the site's rows to the admin's output, shows no secret."""

import io
import json
import re

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student
from tests.command_line import Commands
from tests.sinks.http import Answer, HttpSink
from tests.tasks.channels.conftest import internet, log  # noqa: F401 (fixtures)
from tests.tasks.channels.mail_services import DESK, SERVICES, WELCOME
from tests.tasks.channels.test_mail_services import without_login
from tests.tasks.channels.unpacking import everything_in
from tests.tasks.delivery.conftest import MakeDay

TABLES = text("SELECT table_name FROM information_schema.tables WHERE table_schema = :schema")
BUSY = 429


@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize("service", [name for name, each in SERVICES.items() if each.calendar])
def test_a_secret_of_the_url_is_nowhere(
    make_day: MakeDay,
    conn: Connection,
    database: str,
    http_sink: HttpSink,
    log: io.StringIO,  # noqa: F811
    service: str,
) -> None:
    """Not in the mail, though the calendar file names the sender; not in the ledger, the log or the
    output of commands, though the service repeats its whole request in a refusal."""
    known = SERVICES[service]
    told = json.dumps({"message": " ".join(known.secrets)}).encode()
    http_sink.answer(Answer(body=WELCOME))
    http_sink.answer(Answer(status=BUSY, body=told), times=1)
    student = a_student(conn, email="abebe@example.et")
    session = a_session(conn, student_id=student, alarm_enabled=True)
    day = make_day(channel_email=known.url)

    assert day.at("13:45").failed == 1
    assert day.at("13:47").sent == 1

    bodies = [each.body for each in http_sink.requests if b"abebe" in each.body]
    letters = "".join(everything_in(without_login(body, known.login)) for body in bodies)
    shown = Commands(conn, database)
    outputs = [
        shown.run("deliveries", "--json", CHANNEL_EMAIL=known.url).output,
        shown.run("explain", str(session), "--json", CHANNEL_EMAIL=known.url).output,
        shown.run("doctor", "--json", CHANNEL_EMAIL=known.url).output,
    ]
    assert set(re.findall(r"ORGANIZER:\S+", letters)) == {f"ORGANIZER:mailto:{DESK}"}
    everything = "\n".join([letters, *outputs, log.getvalue(), *ledger(conn)])
    assert [secret for secret in known.secrets if secret in everything] == []


def ledger(conn: Connection) -> list[str]:
    """Every row of every table of the worker's."""
    tables = conn.scalars(TABLES, {"schema": "session_worker"}).all()
    rows = [conn.scalars(text(f"SELECT t::text FROM session_worker.{t} t")) for t in tables]
    return [row for each in rows for row in each]

"""An upgrade with a burst going on: two versions of the worker side by side on one ledger."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from models.migrations import newest_revision
from tests.builders import a_session, a_student, a_tutor
from tests.command_line import Commands
from tests.eventually import eventually
from tests.faults.rounds import (
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
    quick_beat,
)
from tests.faults.upgrades import (
    NoHistory,
    OldCode,
    code_of,
    commit_before,
    interpreter,
    rehearse,
)
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running, running_code_of

pytestmark = pytest.mark.long

SECONDS = 12
EACH_SECOND = 10
ALARM_MINUTES = 15


@pytest.fixture(scope="module")
def older() -> Iterator[Path]:
    """The code before the newest migration, where the packages are the same."""
    try:
        commit = commit_before(newest_revision())
    except NoHistory as missing:
        pytest.skip(f"the code before the newest migration is not here: {missing}")
    with code_of(commit) as folder:
        if interpreter(folder) != [sys.executable]:
            pytest.skip("the packages have changed since: python -m tests.faults.upgrades")
        yield folder


def test_the_code_before_the_newest_migration_works_after_it(
    empty_database: str, smtp_sink: SmtpSink, older: Path
) -> None:
    rehearse(empty_database, smtp_sink, older, newest_revision())


def test_nothing_is_lost_nor_doubled_while_a_new_version_joins_an_old_one(
    empty_database: str, valkey: str, smtp_sink: SmtpSink, older: Path
) -> None:
    channel = mail_channel(smtp_sink)
    OldCode(older, {"DATABASE_URL": empty_database, "REDIS_URL": valkey}).run(
        "setup --with-site-tables"
    )
    with connect(empty_database) as conn:
        old = running_code_of(older, empty_database, valkey, **channel)
        new = running(empty_database, valkey, **channel)
        with old as before, new as after:
            before.worker()
            eventually(lambda: "ready." in before.log(), within=60)
            after_the_first_tick(conn)
            lessons = alarms_over_seconds(conn)
            with quick_beat(valkey):
                eventually(lambda: count(conn, "sent") > EACH_SECOND, within=60)
                setup = Commands(conn, empty_database).run("setup")
                assert setup.exit_code == 0
                after.worker()
                eventually(lambda: count(conn, "sent") == lessons, within=120)

    recipients = [mail.recipients for mail in smtp_sink.mails]
    assert len(recipients) == lessons
    assert len({tuple(each) for each in recipients}) == lessons


def alarms_over_seconds(conn: Connection) -> int:
    """Alarms that fall due some each second, from three seconds on; how many they are."""
    tutor = a_tutor(conn)
    for second in range(SECONDS):
        start = in_wall_time(ALARM_MINUTES + (second + 3) / 60)
        for _ in range(EACH_SECOND):
            a_session(conn, tutor_id=tutor, student_id=a_student(conn), **start,
                      alarm_enabled=True, alarm_before_minutes=ALARM_MINUTES)  # fmt: skip
    conn.commit()
    return SECONDS * EACH_SECOND

"""Effects of an admin's decisions on the workers: a retry reopens a channel that had refused,
dropped messages stay dropped."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from models.catalog import read_catalog
from scheduler.reminders.moves.admin import drop_batch, retry
from scheduler.reminders.moves.follow_notices import bring_back_notices
from scheduler.reminders.plan.notices import plan_notices
from scheduler.settings import Settings
from tests.builders import a_session, a_tutor
from tests.scheduler.ledger.rows import HOUR, NOW, START, a_batch, a_delivery, row_of
from tests.tasks.delivery.conftest import MakeDay, make_day  # noqa: F401 (a fixture)
from tests.tasks.delivery.lesson_day import wall

SETTINGS = Settings()


def test_a_retry_opens_the_channel_that_refused_for_good(make_day: MakeDay) -> None:  # noqa: F811
    day = make_day(reminder_leads="1h")
    tutor = a_tutor(day.conn, email="tutor@tutoring.example")
    a_session(day.conn, tutor_id=tutor, notification_enabled=True)
    day.sink.reply("RCPT", "550 no such user", times=1)
    day.at("13:00")
    [failed] = day.conn.scalars(text("SELECT id FROM session_worker.delivery")).all()

    still = day.at("13:01").sent
    retry(day.conn, [failed], wall("13:02"))
    day.at("13:02")

    assert still == 0
    assert len(day.mails_to("tutor@tutoring.example")) == 1


def test_a_notice_that_was_dropped_is_not_brought_back(conn: Connection) -> None:
    session = a_session(conn, notification_enabled=True)
    pair = conn.execute(text("SELECT tutor_id, student_id FROM tutor_sessions")).one()._mapping
    a_delivery(conn, session_id=session, starts_at=START + HOUR, state="sent", sent_at=NOW, **pair)
    [notice] = plan_notices(conn, read_catalog(conn), SETTINGS, NOW)
    batch = a_batch(conn)
    conn.execute(
        text("UPDATE session_worker.delivery SET state = 'held', batch = :batch WHERE id = :id"),
        {"batch": batch, "id": notice},
    )

    drop_batch(conn, batch, datetime.now(UTC))

    later = NOW + timedelta(minutes=1)
    catalog = read_catalog(conn)
    assert plan_notices(conn, catalog, SETTINGS, later) == set()
    assert bring_back_notices(conn, catalog, SETTINGS, later) == set()
    assert row_of(conn, notice).state == "obsolete"

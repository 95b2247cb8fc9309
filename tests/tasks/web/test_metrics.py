"""The metrics, from rows of a real ledger, as a parser of Prometheus's format reads them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, text

from scheduler.ledger.figures import LATENESS_BOUNDS
from scheduler.reminders.channel_pauses import pause
from scheduler.reminders.progress import note_beat
from scheduler.settings import Settings
from tasks.web import metrics
from tests.builders import an_absence
from tests.scheduler.ledger.rows import a_batch, a_delivery, an_attempt
from tests.tasks.web.conftest import Browser, served

NOW = datetime.now(UTC).replace(microsecond=0)
ADDIS = ZoneInfo("Africa/Addis_Ababa")
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)


def scrape(browser: Browser) -> dict[str, float]:
    """'name{label="value",…}' → value, labels in order of their names."""
    answer = browser.get("/metrics")
    assert answer.status_code == 200
    return {
        sample.name
        + "{"
        + ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
        + "}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def sent(conn: Connection, late: timedelta, **columns: object) -> int:
    defaults = {
        "recipient": f"user:{late.total_seconds()}",
        "starts_at": NOW + HOUR,
        "due_at": NOW,
        "send_after": NOW,
        "planned_at": NOW - HOUR,
        "state": "sent",
        "sent_at": NOW + late,
        "channel": "email",
        "kind": "alarm",
    }
    return a_delivery(conn, **{**defaults, **columns})


def test_what_was_sent_after_the_start_of_the_process_is_counted(
    browser: Browser, conn: Connection
) -> None:
    key = 'session_worker_deliveries_total{channel="email",kind="alarm",state="sent"}'
    assert scrape(browser)[key] == 0

    sent(conn, SECOND)
    sent(conn, 3 * SECOND)

    assert scrape(browser)[key] == 2


def test_receipts_are_counted_by_channel_and_once_a_message(
    browser: Browser, conn: Connection
) -> None:
    before = 'session_worker_receipts_total{channel="email",receipt="undelivered"}'
    assert scrape(browser)[before] == 0
    key = uuid4()
    for recipient in ("user:7", "user:8"):
        an_attempt(
            conn, a_delivery(conn, state="sent", recipient=recipient), message_key=key, begun_at=NOW
        )
    conn.execute(text("UPDATE session_worker.attempt SET receipt = 'undelivered'"))
    an_attempt(conn, a_delivery(conn, state="sent", recipient="user:9"), begun_at=NOW)
    delivered = a_delivery(conn, state="sent", recipient="user:10")
    an_attempt(conn, delivered, channel="sms", receipt="delivered", begun_at=NOW)

    found = scrape(browser)

    assert found[before] == 1
    assert found['session_worker_receipts_total{channel="email",receipt="delivered"}'] == 0
    assert found['session_worker_receipts_total{channel="sms",receipt="delivered"}'] == 1


def test_what_was_in_the_ledger_before_is_no_growth(conn: Connection, settings: Settings) -> None:
    sent(conn, SECOND)
    conn.commit()
    with served(settings) as url:
        found = scrape(Browser(conn, url))

    assert found['session_worker_deliveries_total{channel="email",kind="alarm",state="sent"}'] == 0


def test_a_message_that_is_tried_again_lets_no_counter_fall(
    browser: Browser, conn: Connection
) -> None:
    key = 'session_worker_deliveries_total{channel="email",kind="alarm",state="failed"}'
    failed = sent(conn, SECOND, state="failed", sent_at=None)
    assert scrape(browser)[key] == 1

    conn.execute(text("UPDATE session_worker.delivery SET state = 'planned'"))
    assert scrape(browser)[key] == 1
    conn.execute(
        text("UPDATE session_worker.delivery SET state = 'failed' WHERE id = :id"), {"id": failed}
    )
    assert scrape(browser)[key] == 2


def test_a_failure_that_will_be_tried_again_has_not_failed_yet(
    browser: Browser, conn: Connection
) -> None:
    sent(conn, SECOND, state="failed", sent_at=None, retry_at=NOW)

    assert sum(value for key, value in scrape(browser).items() if 'state="failed"' in key) == 0


LATE = (0, 1, 1.5, 60, 7200)


def test_lateness_falls_into_the_bucket_whose_bound_it_does_not_exceed(
    browser: Browser, conn: Connection
) -> None:
    for late in LATE:
        sent(conn, late * SECOND)

    found = scrape(browser)
    name = "session_worker_delivery_lateness_seconds"
    counts = {
        bound: found[f'{name}_bucket{{channel="email",kind="alarm",le="{bound}"}}']
        for bound in [*map(str, LATENESS_BOUNDS), "+Inf"]
    }
    expected = {
        bound: sum(late <= float(bound.replace("+Inf", "inf")) for late in LATE) for bound in counts
    }
    assert counts == expected
    assert found[f'{name}_sum{{channel="email",kind="alarm"}}'] == pytest.approx(sum(LATE))


def test_what_was_planned_late_or_held_by_quiet_hours_is_late_from_then(
    browser: Browser, conn: Connection
) -> None:
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, quiet_from, quiet_until)"
             " VALUES (99, '22:00', '06:00')")
    )  # fmt: skip
    sent(conn, 601 * SECOND, recipient="user:1", planned_at=NOW + 600 * SECOND)
    sent(conn, 3602 * SECOND, recipient="user:99", person_id=99, send_after=NOW + HOUR)

    found = scrape(browser)

    sum_of = 'session_worker_delivery_lateness_seconds_sum{channel="email",kind="alarm"}'
    assert found[sum_of] == pytest.approx(3)


def test_waiting_messages_are_shown_with_their_age(browser: Browser, conn: Connection) -> None:
    now = datetime.now(UTC)
    for number, after in enumerate((now - 90 * SECOND, now - 5 * SECOND, now + HOUR)):
        a_delivery(conn, starts_at=now + 2 * HOUR, send_after=after, recipient=f"user:{number}")

    found = scrape(browser)

    assert found['session_worker_planned{kind="reminder"}'] == 3
    assert found['session_worker_backlog{kind="reminder"}'] == 2
    assert 90 <= found["session_worker_oldest_due_age_seconds{}"] < 150


def test_stuck_messages_dead_addresses_absences_and_series_are_gauges(
    browser: Browser, conn: Connection
) -> None:
    a_delivery(conn, state="held", batch=a_batch(conn), reason="flood")
    a_delivery(conn, state="held", reason="no_answer", recipient="user:8")
    conn.execute(
        text("INSERT INTO session_worker.series (anchor_id, state, seen, tutor_id, student_id)"
             " VALUES (1, 'active', '', 1, 1), (2, 'unreadable', '', 1, 1)")
    )  # fmt: skip
    conn.execute(
        text("INSERT INTO session_worker.dead_address (address, channel, cause, revived_at)"
             " VALUES (1, 'email', 'bounced', NULL), (2, 'email', 'bounced', now())")
    )  # fmt: skip
    for days in (0, 3):
        an_absence(conn, datetime.now(ADDIS).date() + timedelta(days=days), tutor_id=1)
    note_beat(conn, "tick", NOW)
    pause(conn, "email", None, NOW)

    found = scrape(browser)

    assert found['session_worker_stuck{state="held"}'] == 1
    assert found['session_worker_stuck{state="unknown"}'] == 1
    assert found['session_worker_dead_addresses{channel="email"}'] == 1
    assert found['session_worker_absences{of="tutor"}'] == 1
    assert found['session_worker_absences{of="everybody"}'] == 0
    assert found['session_worker_series{state="unreadable"}'] == 1
    assert found['session_worker_series{state="ended"}'] == 0
    assert found['session_worker_last_run_timestamp_seconds{pass="tick"}'] == NOW.timestamp()
    assert found['session_worker_last_run_timestamp_seconds{pass="expand"}'] == 0
    assert found['session_worker_channel_up{channel="email"}'] == 0
    assert found['celery_queue_length{queue_name="delivery"}'] == 0
    assert found["session_worker_broker_up{}"] == found["session_worker_database_up{}"] == 1


def test_tries_are_counted_by_outcome_and_timed(browser: Browser, conn: Connection) -> None:
    about = a_delivery(conn)
    an_attempt(conn, about, begun_at=NOW, ended_at=NOW + 0.2 * SECOND)
    an_attempt(conn, about, begun_at=NOW, ended_at=NOW + 4 * SECOND, outcome="failed")
    an_attempt(conn, about, begun_at=NOW, ended_at=None, outcome=None)

    found = scrape(browser)

    name = "session_worker_attempt_duration_seconds"
    assert found[f'{name}_count{{channel="email",outcome="sent"}}'] == 1
    assert found[f'{name}_sum{{channel="email",outcome="failed"}}'] == pytest.approx(4)
    assert found[f'{name}_bucket{{channel="email",le="0.1",outcome="sent"}}'] == 0
    assert found[f'{name}_bucket{{channel="email",le="0.25",outcome="sent"}}'] == 1


def test_servers_that_are_away_are_metrics_and_no_error(
    conn: Connection, settings: Settings
) -> None:
    away = {"database_url": "postgresql://a:b@127.0.0.1:1/c", "redis_url": "redis://127.0.0.1:1"}
    with served(settings.model_copy(update=away)) as url:
        browser = Browser(conn, url)
        found = scrape(browser)
        ready = browser.get("/readyz")

        assert (ready.status_code, ready.json()) == (503, {"database": False, "broker": False})
        assert browser.get("/healthz").status_code == 200
    assert found["session_worker_database_up{}"] == found["session_worker_broker_up{}"] == 0


def test_the_page_is_ready_when_database_and_broker_answer(browser: Browser) -> None:
    answer = browser.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"database": True, "broker": True})

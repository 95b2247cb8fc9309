"""Expansion as run by beat: its heartbeat, which the doctor misses when it stops."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.doctor import Finding, examine_database
from scheduler.expansion.admin.backfill import BackfillRefused
from scheduler.settings import Settings
from tasks import planning
from tests.builders import an_anchor
from tests.scheduler.ledger.rows import a_delivery
from tests.servers import engine_on

SETTINGS = Settings(expand_days=28)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def site(conn: Connection, database: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    engine = engine_on(database)
    monkeypatch.setattr(planning, "worker_engine", lambda: engine)
    monkeypatch.setattr(planning, "worker_settings", lambda: SETTINGS)
    return conn


def beats(conn: Connection) -> list[Any]:
    conn.rollback()
    return list(conn.execute(text("SELECT name, beat_at FROM session_worker.heartbeat")))


def stopped(conn: Connection, at: datetime) -> list[Finding]:
    found = examine_database(conn, SETTINGS, at)
    return [one for one in found if one.code == "expand_stopped"]


def test_the_doctor_tells_when_expansion_fell_silent(site: Connection) -> None:
    began = datetime.now(UTC)
    planning.expand()
    ended = datetime.now(UTC)

    [(name, beat_at)] = beats(site)
    assert name == "expand"
    assert began <= beat_at <= ended
    assert stopped(site, beat_at + 10 * MINUTE) == []
    [finding] = stopped(site, beat_at + 11 * MINUTE)
    assert finding.severity == "error"
    assert finding.detail == "the last expand was 11 min ago: rules are not filled"
    assert "celery -A tasks beat" in finding.cure


def test_a_run_with_nothing_to_do_leaves_a_sign_of_life_too(site: Connection) -> None:
    an_anchor(site)
    site.commit()
    planning.expand()
    [(_, first)] = beats(site)

    planning.expand()

    [(_, second)] = beats(site)
    assert second > first


def test_a_run_that_breaks_leaves_none(site: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "expand_once", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        planning.expand()

    assert beats(site) == []


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"from": "2026-09-01"}, 'give "from" and "until"'),
        ({"from": "soon", "until": "2026-09-30"}, "'soon' is no day"),
        ({"from": ["2026-09-01"], "until": "2026-09-30"}, "is no day"),
        ({"from": "0001-01-01", "until": "0001-02-01"}, "is not from 1970-01-01"),
        ({"from": "9999-12-01", "until": "9999-12-31"}, "is not from 1970-01-01"),
        ({"from": "2026-09-30", "until": "2026-09-01"}, "write FROM before UNTIL"),
        ({"from": "2026-09-01", "until": "2026-09-30", "session": 10**30}, "is no id"),
        ({"from": "2026-09-01", "until": "2026-09-30", "tutor": True}, "is no id"),
        ({"from": "2026-09-01", "until": "2026-09-30", "who": 1}, "unknown who"),
    ],
)
def test_a_task_refuses_the_arguments_that_the_command_refuses(
    wish: dict[str, object], words: str
) -> None:
    with pytest.raises(BackfillRefused, match=re.escape(words)):
        planning.extent_of(wish)


YEARS_AGO = {
    name: datetime(2020, 1, 1, tzinfo=UTC)
    for name in ("starts_at", "due_at", "send_after", "planned_at")
}


def test_upkeep_removes_what_is_old_and_does_so_once_a_day(site: Connection) -> None:
    for student in (1, 2, 3):
        a_delivery(site, **YEARS_AGO, state="sent", student_id=student)
    young = a_delivery(site, starts_at=datetime.now(UTC), planned_at=datetime.now(UTC))
    site.commit()

    planning.upkeep()

    ids = text("SELECT id FROM session_worker.delivery")
    assert [*site.scalars(ids)] == [young]
    assert [name for name, _ in beats(site)] == ["upkeep"]
    again = a_delivery(site, **YEARS_AGO, state="sent")
    site.commit()
    planning.upkeep()
    assert [*site.scalars(ids)] == [young, again]


def test_upkeep_passes_on_what_is_too_much_for_a_turn(
    site: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tick between two turns; where the message is lost, the day's work begins anew."""
    ids = [a_delivery(site, **YEARS_AGO, state="sent", student_id=one) for one in (1, 2)]
    site.commit()
    posted: list[int] = []
    monkeypatch.setattr(planning, "SLICES_A_TURN", 1)
    monkeypatch.setattr(planning.upkeep, "delay", posted.append)

    planning.upkeep()

    assert posted == [ids[-1]]
    assert beats(site) == []
    planning.upkeep(posted[0])
    assert [name for name, _ in beats(site)] == ["upkeep"]

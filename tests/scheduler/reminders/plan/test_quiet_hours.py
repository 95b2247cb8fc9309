"""Quiet hours: a reminder waits for their end, or is sent before them; an alarm never waits."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from scheduler.message import Preferences
from scheduler.settings import ChannelName, load_settings
from scheduler.site.preferences import preferences_of
from tests.builders import a_session, a_tutor, a_user
from tests.scheduler.reminders.passes import ADDIS, ALARMED, REMINDED, at, planner

SETTINGS = load_settings(_env_file=None)
NIGHT = (time(22), time(7))

QUIET_END = text("""
    SELECT session_worker.quiet_end(:at, CAST(:begin AS time), CAST(:end AS time),
                                    'Africa/Addis_Ababa')""")


def quiet_end(conn: Connection, begin: object, end: object, at: datetime) -> datetime | None:
    found: datetime | None = conn.scalar(QUIET_END, {"begin": begin, "end": end, "at": at})
    return found


@pytest.mark.parametrize(
    ("clock", "end"),
    [("21:59:59", None), ("22:00", at("07:00", 1)), ("23:30", at("07:00", 1)),
     ("00:00", at("07:00")), ("06:59:59", at("07:00")), ("07:00", None)],
)  # fmt: skip
def test_quiet_hours_may_pass_midnight(conn: Connection, clock: str, end: datetime | None) -> None:
    assert quiet_end(conn, NIGHT[0], NIGHT[1], at(clock)) == end


@pytest.mark.parametrize(
    ("clock", "end"),
    [("11:59", None), ("12:00", at("14:00")), ("13:59", at("14:00")), ("14:00", None)],
)  # fmt: skip
def test_quiet_hours_may_lie_in_a_day(conn: Connection, clock: str, end: datetime | None) -> None:
    assert quiet_end(conn, time(12), time(14), at(clock)) == end


@pytest.mark.parametrize(
    ("begin", "end", "clock", "ends"),
    [("22:00", "24:00", "23:30", at("00:00", 1)), ("22:00", "24:00", "00:00", None),
     ("24:00", "07:00", "06:00", at("07:00")), ("24:00", "07:00", "23:00", None)],
)  # fmt: skip
def test_24_00_is_midnight(
    conn: Connection, begin: str, end: str, clock: str, ends: datetime | None
) -> None:
    assert quiet_end(conn, begin, end, at(clock)) == ends


@pytest.mark.parametrize(
    "hours", [(None, None), (time(22), None), (None, time(7)), (time(9), time(9))]
)
def test_half_or_empty_quiet_hours_are_none(conn: Connection, hours: Any) -> None:
    assert quiet_end(conn, hours[0], hours[1], at("23:00")) is None


OUTSIDE = text("""
    SELECT session_worker.outside_quiet(
        :due, :starts_at, '22:00', '07:00', 'Africa/Addis_Ababa')""")


@pytest.mark.parametrize(
    ("due", "starts_at", "sent_at"),
    [
        (at("21:00"), at("22:00"), at("21:00")),
        (at("23:00"), at("14:00", 1), at("07:00", 1)),
        (at("05:30"), at("06:30"), at("21:59", -1)),  # it would have begun
        (at("06:00"), at("07:00"), at("21:59", -1)),  # begins as they end: too late as well
        (at("06:30"), at("07:30"), at("07:00")),
    ],
)
def test_a_reminder_in_quiet_hours_is_due_at_their_end_or_just_before_them(
    conn: Connection, due: datetime, starts_at: datetime, sent_at: datetime
) -> None:
    assert conn.scalar(OUTSIDE, {"due": due, "starts_at": starts_at}) == sent_at


@pytest.fixture
def early_bird(conn: Connection) -> int:
    """A tutor with quiet hours, and a lesson at 06:30."""
    user = a_user(conn)
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, quiet_from, quiet_until)"
             " VALUES (:id, '22:00', '07:00')"), {"id": user}
    )  # fmt: skip
    a_session(conn, tutor_id=a_tutor(conn, user_id=user), start_time=time(6, 30), end_time=None,
              **REMINDED, **ALARMED)  # fmt: skip
    return user


def test_a_reminder_for_the_early_morning_is_planned_the_evening_before(
    conn: Connection, early_bird: int
) -> None:
    planned = planner(conn, reminder_leads="1h")
    assert planned.run(at("21:57", -1)).planned == frozenset()
    planned.run(at("21:58:30", -1))

    assert planned.rows("due_at", "send_after") == [(at("05:30"), at("21:59", -1))]


def test_somebody_elses_reminder_does_not_go_early(conn: Connection, early_bird: int) -> None:
    a_session(conn, start_time=time(6, 30), end_time=None, **REMINDED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("21:58:30", -1))

    assert planned.rows("person_id") == [(early_bird,)]


def test_a_reminder_that_falls_into_quiet_hours_waits_for_their_end(
    conn: Connection, early_bird: int
) -> None:
    planned = planner(conn, reminder_leads="24h")
    planned.run(at("06:29:30", -1))

    assert planned.rows("due_at", "send_after") == [(at("06:30", -1), at("07:00", -1))]


def test_a_wish_for_reminders_goes_before_that_for_everything(
    conn: Connection, early_bird: int
) -> None:
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, kind, quiet_from, quiet_until)"
             " VALUES (:id, 'reminder', '05:00', '05:30')"), {"id": early_bird}
    )  # fmt: skip
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("05:30"))

    assert planned.rows("send_after") == [(at("05:30"),)]


@pytest.mark.parametrize(
    "zone", ["Middle/Earth", "+03:00", "Room 12", "EAT-3", "africa/nairobi", "EET", ""]
)
def test_a_zone_that_is_none_is_the_sites(conn: Connection, early_bird: int, zone: str) -> None:
    conn.execute(text("UPDATE session_worker.preference SET zone = :zone"), {"zone": zone})
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("21:58:30", -1))

    assert planned.rows("send_after") == [(at("21:59", -1),)]


def test_what_the_person_wrote_is_read_as_far_as_it_can_be() -> None:
    general = {"language": None, "zone": "Europe", "channels": ["SMS ", 7, "pigeon", "email"],
               "addresses": {"telegram": 42, "push": None}}  # fmt: skip

    read, addresses = preferences_of(general, {"language": "Amharic", "channels": None}, SETTINGS)

    assert (read.language, read.zone) == ("am", ZoneInfo("Africa/Addis_Ababa"))
    assert read.channels == (ChannelName.SMS, ChannelName.EMAIL)
    assert addresses == {ChannelName.TELEGRAM: "42"}


def test_without_preferences_the_settings_count() -> None:
    read, addresses = preferences_of(None, None, SETTINGS)

    assert read == Preferences("en", ADDIS)
    assert addresses == {}

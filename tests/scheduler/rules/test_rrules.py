"""scheduler/rules/rfc5545.py: accepted RRULEs, and the reasons for refused ones."""

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from scheduler.rules import RulePolicy
from tests.scheduler.rules.rule_rows import a_rule, reason_of

SECOND_BY_SECOND = "FREQ=DAILY;BYHOUR=0,1;BYMINUTE=0,1;BYSECOND=0,1"


def test_an_rrule_stands_before_frequency_days_months_and_count() -> None:
    ignored = {"frequency": 5, "days": [1], "months": [13], "count": "x", "interval": 0}

    rule = a_rule({"rrule": "FREQ=DAILY", "until": "2026-12-31", **ignored}, "now and then")

    assert rule == a_rule({"rrule": "freq=daily;until=20261231T205959Z"})


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY;BYDAY=MO",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        "rrule:freq=weekly;byday=mo;",
        "DTSTART;TZID=Africa/Addis_Ababa:20200101T090000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n",
        "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0",
    ],
)
def test_an_rrule_may_be_written_in_these_ways(text: str) -> None:
    assert a_rule({"rrule": text}) == a_rule({"rrule": "FREQ=WEEKLY;BYDAY=MO"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("FREQ=HOURLY", "FREQ=HOURLY"),
        ("FREQ=SECONDLY;COUNT=3", "FREQ=SECONDLY"),
        ("BYDAY=MO", "BYDAY=MO"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;COUNT=1,2", "COUNT=1,2"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ=WEEKLY"),
        ("FREQ=DAILY,WEEKLY", "FREQ=DAILY,WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX"),
        ("FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYDAY=1MO"),
        ("FREQ=MONTHLY;BYDAY=MO,6TU", "FREQ=MONTHLY;BYDAY=MO,6TU"),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=-6TU", "FREQ=YEARLY;BYDAY=-6TU"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYMONTHDAY=--1", "BYMONTHDAY=--1"),
        ("FREQ=MONTHLY;BYMONTH=-1", "BYMONTH=-1"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER=0"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("FREQ=DAILY;UNTIL=never", "UNTIL=NEVER"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL=20270230"),
        ("FREQ=DAILY;UNTIL=20270228T2359", "UNTIL=20270228T2359"),
        ("FREQ=DAILY;UNTIL=20270228T250000Z", "UNTIL=20270228T250000Z"),
        ("FREQ=DAILY;UNTIL=20270228Z", "UNTIL=20270228Z"),
        ("FREQ=DAILY;X=1", "X=1"),
        ("FREQ=DAILY;;COUNT=2", "FREQ=DAILY;;COUNT=2"),
        (SECOND_BY_SECOND, "BYHOUR=0,1"),
        ("RRULE:FREQ=DAILY\nEXDATE:20270101", "EXDATE:20270101"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "RRULE:FREQ=WEEKLY"),
        ("RDATE:20270101", "RDATE:20270101"),
        ("DTSTART:20200101", "DTSTART:20200101"),
        ("every monday", "EVERY MONDAY"),
    ],
)
def test_what_is_no_rrule_of_days_is_unreadable(text: str, fault: str) -> None:
    assert reason_of({"rrule": text}) == f"rrule: {fault}"


@pytest.mark.parametrize("value", [5, True, ["FREQ=DAILY"], {"freq": "DAILY"}, "FREQ=DAILY" * 500])
def test_an_rrule_that_is_no_text_of_sane_length_is_unreadable(value: object) -> None:
    assert reason_of({"rrule": value}).startswith("rrule: ")


@pytest.mark.parametrize(
    ("until", "start", "zone", "last"),
    [
        ("20261215", time(14), "Africa/Addis_Ababa", date(2026, 12, 15)),
        ("20261215T105959Z", time(14), "Africa/Addis_Ababa", date(2026, 12, 14)),
        ("20261215T110000Z", time(14), "Africa/Addis_Ababa", date(2026, 12, 15)),
        ("20261214T230000Z", time(1), "Africa/Addis_Ababa", date(2026, 12, 15)),
        ("20261215T140000", time(14), "Africa/Addis_Ababa", date(2026, 12, 15)),
        ("20261215T135959", time(14), "Africa/Addis_Ababa", date(2026, 12, 14)),
        # 02:30 on this night begins as 03:30 summer time, at 01:30 UTC (RFC 5545, 3.3.5).
        ("20260329T013000Z", time(2, 30), "Europe/Berlin", date(2026, 3, 29)),
        ("20260329T012959Z", time(2, 30), "Europe/Berlin", date(2026, 3, 28)),
        ("20261215T105960Z", time(13, 59, 59), "Africa/Addis_Ababa", date(2026, 12, 15)),
        ("99991231T235959Z", time(23), "Africa/Addis_Ababa", date(9999, 12, 31)),
        ("00010101T000000Z", time(14), "America/New_York", date(1, 1, 1)),
    ],
)
def test_an_until_with_a_time_bounds_the_start_of_the_session(
    until: str, start: time, zone: str, last: date
) -> None:
    policy = RulePolicy(zone=ZoneInfo(zone))

    rule = a_rule({"rrule": f"FREQ=DAILY;UNTIL={until}"}, policy=policy, start_time=start)

    assert rule.until == last

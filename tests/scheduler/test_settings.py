"""scheduler/settings/: unreadable or out-of-range values are reported in one line."""

import subprocess
import sys
from datetime import timedelta

import pytest

from scheduler.settings import InvalidSetting, Settings, load_settings

HUGE = "99999999999999"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plan_ahead", f"{HUGE}d"),
        ("plan_ahead", "2d"),
        ("plan_ahead", "9" * 5000),
        ("reminder_leads", f"24h,{HUGE}d"),
        ("reminder_leads", "367d"),
        ("reminder_leads", "24h,0"),
        ("reminder_leads", "-1h"),
        ("alarm_repeat", f"{HUGE}d"),
        ("alarm_repeat", "8d"),
        ("send_timeout", "0"),
        ("send_timeout", "2h"),
        ("expand_days", HUGE),
        ("expand_days", "0"),
        ("lease_seconds", HUGE),
        ("flood_limit", "9" * 30),
        ("channel_sms_rate", "9" * 30 + "/s"),
        ("channel_sms_rate", "9" * 5000 + "/s"),
        ("channel_sms_rate", "0/s"),
    ],
)
def test_a_value_out_of_range_is_one_line(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(**{name: value})

    assert str(caught.value).startswith(f"{name.upper()}: ")
    assert "\n" not in str(caught.value)


def test_leads_that_are_equal_in_whole_minutes_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="REMINDER_LEADS: two leads are the same"):
        load_settings(_env_file=None, reminder_leads="90s,2m")


def test_the_longest_that_is_taken() -> None:
    settings = read(plan_ahead="24h", reminder_leads="366d", alarm_repeat="7d", send_timeout="1h")

    assert settings.reminder_leads == (timedelta(days=366),)


@pytest.mark.parametrize("region", ["XX", "", "Ethiopia", "+251", "ET\x00"])
def test_a_region_without_phone_numbers_is_refused(region: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^PHONE_REGION: .* set a code such as ET\.$"):
        read(phone_region=region)


def test_a_region_is_read_without_case() -> None:
    assert read(phone_region=" ke").phone_region == "KE"


def test_the_regions_and_countries_of_most_sites_cost_no_slow_import() -> None:
    read_both = "from scheduler.settings import load_settings; load_settings(phone_region='et')"
    ask = f"{read_both}; import sys; print({{'phonenumbers', 'holidays'}} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def read(**values: object) -> Settings:
    return load_settings(_env_file=None, **values)

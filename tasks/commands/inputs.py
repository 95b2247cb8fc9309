"""Click parameter types: instants, days, ids, people and texts."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

import click

from tasks.input_limits import LARGEST_ID, read_day, refuse_beyond


class Instant(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """ISO 8601. With an offset it is that instant; without one it is a wall time in SITE_TIMEZONE.

    A wall time in a gap moves on, in a fold it is the earlier one (design, "Rules"); zoneinfo does
    both. The value is aware, in UTC. Raises InvalidSetting where the zone cannot be read.
    """

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            written = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no date and time: write 2026-09-01T14:00 (in SITE_TIMEZONE)"
                " or 2026-09-01T11:00:00Z",
                param,
                ctx,
            )
        try:
            refuse_beyond(written.date(), value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return (written if written.tzinfo else in_site_zone(written)).astimezone(UTC)


class Day(click.ParamType):  # type: ignore[type-arg]
    """ISO 8601: a date on the site's wall calendar."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return read_day(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Clock(click.ParamType):  # type: ignore[type-arg]
    """A wall time of day, HH:MM. 24:00 is None: until midnight."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> time | None:
        if isinstance(value, time):
            return value
        if value == "24:00":
            return None
        if not CLOCK_TIME.fullmatch(value):
            self.fail(f"{value!r} is no time of day: write 08:30", param, ctx)
        return time.fromisoformat(value)


class Words(click.ParamType):  # type: ignore[type-arg]
    """Text for the database. Arguments of a shell may contain bytes that are no valid text."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        given = str(value)
        if NO_TEXT.search(given):
            self.fail(f"{value!r} is no text: write it in UTF-8", param, ctx)
        return given


class Person(click.ParamType):  # type: ignore[type-arg]
    """A person's key in the ledger: users.id as a number, or the profile of somebody without an
    account as student:3, tutor:3, parent:3. The value is 'user:7' or 'student:3'."""

    name = "person"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        role, _, number = str(value).strip().lower().rpartition(":")
        if not PROFILE_ID.fullmatch(number) or int(number) > LARGEST_ID or role not in ROLES:
            self.fail(
                f"{value!r} is no person: write the id of a row of users, or student:ID, tutor:ID,"
                " parent:ID for somebody without an account",
                param,
                ctx,
            )
        return f"{role or 'user'}:{int(number)}"


CLOCK_TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
PROFILE_ID = re.compile("[0-9]{1,19}")
ROLES = ("", "user", "student", "tutor", "parent")
NO_TEXT = re.compile("[\0\ud800-\udfff]")  # a NUL, and Python's stand-ins for odd bytes
INSTANT = Instant()
WORDS = Words()
DAY = Day()
CLOCK = Clock()
PERSON = Person()
ROW_ID = click.IntRange(1, LARGEST_ID)


def in_site_zone(wall: datetime) -> datetime:
    from scheduler.settings import load_settings  # slow to import

    return wall.replace(tzinfo=load_settings().zone)

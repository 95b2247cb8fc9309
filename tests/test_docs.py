"""The documentation says what the code says."""

import os
import re
from datetime import timedelta
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from scheduler.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "settings.md"
TABLE = "## All settings\n\n| setting | default | meaning |\n|---|---|---|\n"


def test_every_setting_stands_on_the_page_of_settings() -> None:
    lines = [
        f"| `{name.upper()}` | {shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    words, _, _ = SETTINGS.read_text().partition(TABLE)
    page = words + TABLE + "\n".join(lines) + "\n"
    if os.environ.get("WRITE_DOCS"):
        SETTINGS.write_text(page)

    assert SETTINGS.read_text() == page


def shown(value: Any) -> str:
    if isinstance(value, timedelta):
        hours, seconds = divmod(int(value.total_seconds()), 3600)
        return f"`{hours}h`" if hours and not seconds else f"`{hours * 3600 + seconds}s`"
    if isinstance(value, tuple):
        return "`" + ",".join(shown(one).strip("`") for one in value) + "`"
    if isinstance(value, Enum):
        value = value.value
    return "" if value in (None, "") else f"`{value}`"


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    ours = [one.name for one in entry_points(group="celery.commands") if "tasks." in one.value]

    assert [name for name in ours if f"`{name}" not in readme] == []


def test_every_command_has_help_with_an_example() -> None:
    silent = []
    for one in entry_points(group="celery.commands"):
        if "tasks." in one.value:
            command = one.load()
            if "Example: celery -A tasks" not in (command.help or ""):
                silent.append(one.name)

    assert silent == []


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]

    assert all(re.fullmatch(r"\d{4}", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)

"""Settings of a process, from its environment and the `.env` in its folder."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scheduler.env_file import UnreadableEnvironment, read_env_file, read_environment
from scheduler.settings.model import Settings

ENV_FILE = Path(".env")


class InvalidSetting(Exception):
    """A setting that cannot be read. The message is one line for the user."""


def load_settings(_env_file: Path | None = ENV_FILE, **overrides: Any) -> Settings:
    """The settings from the environment, then from the `.env` in the current folder.

    Raises InvalidSetting: one line that names the first setting that cannot be read.
    """
    try:
        return Settings(**(texts_by_field(_env_file) | overrides))
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        words = first["msg"].removeprefix("Value error, ")
        end = "" if words.endswith("?") else "."
        raise InvalidSetting(f"{name}: {words}{end}") from None
    except UnreadableEnvironment as error:
        raise InvalidSetting(str(error)) from None
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidSetting(f".env cannot be read ({error}): save it as UTF-8 text.") from None


def texts_by_field(env_file: Path | None) -> dict[str, Any]:
    """Texts of the settings by field name; the environment takes precedence over `.env`."""
    names = {field.upper() for field in Settings.model_fields}
    environment = read_environment(os.environ, names)
    file = read_env_file(env_file, os.environ, names) if env_file else {}
    return {
        name.lower(): text
        for source in (file, environment)
        for name, text in source.items()
        if name.upper() in names
    }

"""How Celery reads celeryconfig.py: an unreadable setting becomes one line, and exit code 2."""

from typing import Any

import click
from celery.loaders.app import AppLoader

from scheduler.settings import InvalidSetting


class UnreadableConfiguration(click.ClickException, InvalidSetting):
    """A setting that stops Celery's own commands too (`worker`, `beat`, `call`).

    They know nothing of our errors, but click prints its own as one line.
    """

    exit_code = 2


class SettingsLoader(AppLoader):
    """Celery's loader of an app, which says what is wrong instead of showing a traceback."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:  # noqa: FBT001, FBT002 (Celery's signature)
        try:
            return super().config_from_object(obj, silent=silent)
        except InvalidSetting as error:
            raise UnreadableConfiguration(str(error)) from error

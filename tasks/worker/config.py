"""Celery's reading of celeryconfig.py: an unreadable setting becomes one line, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from celery.loaders.app import AppLoader

from scheduler.settings import InvalidSetting
from tasks.database import worker_settings
from tasks.failures.lines import ExitCode


class UnreadableConfiguration(click.ClickException, InvalidSetting):
    """A setting that cannot be read, also in Celery's own commands (`worker`, `beat`, `call`).

    They do not handle InvalidSetting, but click prints its own exceptions as one line.
    """

    exit_code = ExitCode.USAGE


class SettingsLoader(AppLoader):
    """Celery's loader of an app, which reports unreadable settings in one line."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:  # noqa: FBT001, FBT002 (Celery's signature)
        with one_line():
            return super().config_from_object(obj, silent=silent)

    def on_worker_init(self) -> None:
        """Refuse to start a worker or beat with unusable settings."""
        from tasks.delivery.startup import refuse_unusable

        with one_line():
            refuse_unusable(worker_settings())


@contextmanager
def one_line() -> Iterator[None]:
    try:
        yield
    except InvalidSetting as error:
        raise UnreadableConfiguration(str(error)) from error

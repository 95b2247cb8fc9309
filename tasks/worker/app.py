"""The Celery app, whose `send_task` reports an unreachable broker in one line."""

from typing import Any

import click
from celery import Celery
from kombu.exceptions import OperationalError

from tasks.broker import BROKER_ERRORS, broker_line
from tasks.failures.lines import ExitCode


class BrokerAway(click.ClickException, OperationalError):
    """The broker cannot be reached. click prints it as one line; for code that sends tasks it is
    also kombu's OperationalError."""

    exit_code = ExitCode.UNREACHABLE

    def format_message(self) -> str:
        return broker_line(self)


class WorkerApp(Celery):
    """The Celery app. `send_task` raises BrokerAway."""

    def send_task(self, *args: Any, **options: Any) -> Any:
        try:
            return super().send_task(*args, **options)
        except (*BROKER_ERRORS, OSError) as error:
            raise BrokerAway(str(error)) from error

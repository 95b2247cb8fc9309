"""Limit of Celery's and kombu's log about broker errors: a line a minute, without traceback.

The traceback of a library does not help an admin to repair the broker.
"""

import logging
import time
from typing import Any

from celery.signals import after_setup_logger

from tasks.broker import BROKER_ERRORS
from tasks.failures.log_once import may_say

LIBRARIES = ("celery.", "kombu.", "amqp")
# Loggers that mention a broker error only in their text.
ALWAYS = "kombu.transport.redis"


class BrokerErrorsOnce(logging.Filter):
    """Filter of a handler that passes each message about a broker error once a minute."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or not record.name.startswith(LIBRARIES):
            return True
        error = record.exc_info[1] if record.exc_info else None
        if not (is_broker_error(error) or record.name == ALWAYS or names_one(record.args)):
            return True
        record.exc_info = record.exc_text = None
        return may_say(f"{record.name} {record.msg}", time.monotonic())


def names_one(arguments: Any) -> bool:
    values = arguments.values() if isinstance(arguments, dict) else arguments or ()
    return any(is_broker_error(value) for value in values)


def is_broker_error(value: object) -> bool:
    return isinstance(value, (*BROKER_ERRORS, ConnectionError, TimeoutError))


@after_setup_logger.connect
def limit(logger: logging.Logger, **_: Any) -> None:
    for handler in logger.handlers:
        handler.addFilter(BrokerErrorsOnce())

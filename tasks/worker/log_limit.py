"""The limit for what Celery and kombu say of a broker's errors: a line a minute, no traceback.

An admin can mend the broker, and not the libraries' calls that met its errors.
"""

import logging
import time
from typing import Any

from celery.signals import after_setup_logger

from tasks.broker import BROKER_ERRORS
from tasks.failures.log_once import may_say

LIBRARIES = ("celery.", "kombu.", "amqp")
# These say it in words alone.
ALWAYS = "kombu.transport.redis"


class BrokerErrorsOnce(logging.Filter):
    """Of a handler: each of the libraries' messages about a broker's error once a minute."""

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

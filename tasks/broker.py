"""The broker: its errors, a check that it accepts writes, and the wait until it does."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from amqp.exceptions import AMQPError
from celery.utils import threads
from kombu import Connection
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from scheduler.broker_url import is_sentinel
from scheduler.settings import Settings
from tasks.failures.log_once import log_once_about

# Errors of Redis, RabbitMQ and kombu that Celery passes on, beside the network's OSError.
BROKER_ERRORS = (KombuError, RedisError, AMQPError)
# A broker that is back is noticed within a second.
AGAIN_SECONDS = 1.0

# Changes nothing: no such member is ever there. Refused like the worker's own writes by a replica,
# by a server that wants replicas, by a full one and for a user without the right; and on a key that
# the worker's user must have anyway.
NOTHING = {"session_worker.nothing": 0}
UNACKED_INDEX = "unacked_index"


# redis-py goes on with all that it knows of each sentinel's connection.
NO_MASTER = re.compile(r"(No master found for '.*?')(?: : .*)?$")
# A broker that says nothing any more must not keep a tick, or beat, for ever.
SILENCE_SECONDS = 5


def transport_options(settings: Settings) -> dict[str, Any]:
    """kombu's transport options for the broker, for all connections to it."""
    patience = {
        "socket_timeout": SILENCE_SECONDS,
        "socket_connect_timeout": SILENCE_SECONDS,
        "socket_keepalive": True,
    }
    if not is_sentinel(settings.redis_url):
        return patience
    password = settings.sentinel_password or None
    return {
        **patience,
        "master_name": settings.sentinel_master,
        "sentinel_kwargs": {**patience, "password": password},
    }


def broker_line(error: BaseException) -> str:
    """One line with the server's own words, which contain no password."""
    return f"the broker cannot be reached: {broker_words(error).rstrip('.')}. Check REDIS_URL."


def broker_words(error: BaseException) -> str:
    """The server's or library's message in one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return NO_MASTER.sub(r"\1 by any sentinel that answers (SENTINEL_MASTER)", words)


def check_writable(connection: Connection) -> None:
    """Raise the broker's error where it answers but accepts no writes.

    RabbitMQ is not checked, as it blocks its publishers then and reports that itself.
    """
    if connection.transport.driver_type != "redis":
        return
    channel: Any = connection.default_channel
    with channel.conn_or_acquire() as client:
        client.zadd(UNACKED_INDEX, NOTHING, xx=True)


def wait_for_broker(connection: Connection, interrupt: Callable[[], None]) -> None:
    """Wait without limit until the broker accepts writes, with one line a minute in the log.

    `interrupt` is called before each try and may raise, so that a stop need not wait.
    """
    while True:
        interrupt()
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            check_writable(connection)
        except (*BROKER_ERRORS, OSError) as error:
            say_unusable(error)
            part_from(connection)
            time.sleep(AGAIN_SECONDS)
        else:
            return


def part_from(connection: Connection) -> None:
    """Close a broken connection, ignoring errors; the same object can be connected again.

    Of Redis's channels the first try to close fails where a read was under way, and once the
    transport is gone the second cannot succeed any more: so twice, and channel by channel.
    """
    threads.bound_open_broker_sockets(connection, AGAIN_SECONDS)  # type: ignore[attr-defined]
    transport: Any = vars(connection).get("_connection")  # the property would connect
    if connection.transport.driver_type == "redis" and transport is not None:
        for channel in [*transport.channels] * 2:
            with suppress(Exception):
                channel.close()
    with suppress(Exception):
        connection.collect(socket_timeout=AGAIN_SECONDS)


def say_unusable(error: BaseException) -> None:
    """Log the error, once a minute for all processes of a worker."""
    log_once_about("the broker", broker_line(error))

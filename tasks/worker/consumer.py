"""The worker's consumer: Celery's own, which outlives whatever its broker does.

Celery ends the worker where Redis answers with an error (a replica takes no writes), or where a
task ends after the connection that brought it; it gives up a broker that was away for 48 minutes,
waits up to 30 seconds more for one that is back, and begins anew without a pause where the
connection stands and its use is refused.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection

from tasks.broker import AGAIN_SECONDS, part_from, say_unusable, wait_for_broker
from tasks.failures.log_once import may_say

logger = logging.getLogger(__name__)


class PatientConsumer(Consumer):
    """`worker_consumer` of celeryconfig."""

    def ensure_connected(self, conn: Connection) -> Connection:
        wait_for_broker(conn, maybe_shutdown)
        # RabbitMQ's quorum queues, whoever made them, refuse a prefetch count for a whole channel.
        # So each consumer has its own, as Celery does it where AMQP is kept to the letter.
        transport: Any = conn.transport
        transport.qos_semantics_matches_spec = lambda _connection: True
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return conn

    def on_connection_error_before_connected(self, exc: BaseException) -> None:
        say_unusable(exc)
        time.sleep(AGAIN_SECONDS)

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        """In place of Celery's own, which fails where a message was not acknowledged yet."""
        if may_say("connection lost", time.monotonic()):
            logger.warning("Connection to broker lost: it is tried again each second.")
        say_unusable(exc)
        connection, self.connection = self.connection, None
        if connection is not None:
            part_from(connection)
        time.sleep(AGAIN_SECONDS)

    def call_soon_ack(self, p: Callable[..., Any], *given: Any, **options: Any) -> Any:
        return super().call_soon_ack(  # type: ignore[misc]  # newer than its types
            answer_broker, p, *given, **options
        )


def answer_broker(answer: Any, logger: Any, _errors: Any, **options: Any) -> None:
    """Acknowledge or reject a message (kombu's `ack_log_error`, a method of the message).

    Raises the broker's error: only a new connection forgets what could not be acknowledged, which
    would count as being worked on for ever. A message of a former connection needs no answer.
    """
    if not is_gone(answer.__self__.channel):
        answer(logger, (), **options)


def is_gone(channel: Any) -> bool:
    """Whether the connection of a message's channel was closed, of whichever broker."""
    transport = getattr(channel, "connection", None)
    return transport is None or getattr(transport, "client", channel) is None

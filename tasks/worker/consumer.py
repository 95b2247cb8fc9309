"""The worker's consumer: Celery's, made to survive any failure of the broker.

Celery's own ends the worker where Redis answers with an error (a read-only replica), or where a
task ends after its connection. It gives up a broker that was down for 48 minutes, takes up to 30
seconds to notice one that is back, and reconnects in a tight loop where the connection succeeds but
its use is refused.
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
        # RabbitMQ's quorum queues refuse a prefetch count for a whole channel, so each consumer has
        # its own, as Celery does for brokers that follow AMQP strictly.
        transport: Any = conn.transport
        transport.qos_semantics_matches_spec = lambda _connection: True
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return conn

    def on_connection_error_before_connected(self, exc: BaseException) -> None:
        say_unusable(exc)
        time.sleep(AGAIN_SECONDS)

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        """Replacement of Celery's, which fails where a message was not acknowledged yet."""
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

    Raises the broker's error, as only a new connection releases a message that could not be
    acknowledged. A message of a former connection needs no acknowledgement.
    """
    if not is_gone(answer.__self__.channel):
        answer(logger, (), **options)


def is_gone(channel: Any) -> bool:
    """True where the connection of a message's channel was closed, for any broker."""
    transport = getattr(channel, "connection", None)
    return transport is None or getattr(transport, "client", channel) is None

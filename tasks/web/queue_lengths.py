"""Lengths of the broker's queues, which hold ids of batches and planning passes, not messages."""

from collections.abc import Mapping
from typing import Any

from amqp.exceptions import NotFound
from kombu import Connection
from kombu.exceptions import ChannelError

from scheduler.settings import Settings
from tasks.broker import transport_options
from tasks.worker.queues import queues

CONNECT_SECONDS = 2


def queue_lengths(settings: Settings) -> Mapping[str, int]:
    """Queue → number of Celery messages in it; 0 for one that does not exist.

    Raises BROKER_ERRORS and OSError where the broker does not answer.
    """
    options = {**transport_options(settings), "max_retries": 1}
    with Connection(
        settings.redis_url, connect_timeout=CONNECT_SECONDS, transport_options=options
    ) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
        return {each.name: length(broker, each.name) for each in queues(settings.broker_queues)}


def length(broker: Connection, name: str) -> int:
    """By a channel of its own, as RabbitMQ closes it where the queue does not exist."""
    try:
        channel: Any
        with broker.channel() as channel:
            return int(channel.queue_declare(queue=name, passive=True).message_count)
    except (NotFound, ChannelError):
        return 0

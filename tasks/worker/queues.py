"""The queues on the broker, which are taken as they are there, whoever made them.

RabbitMQ refuses to declare a queue that exists with other properties, such as a quorum queue of an
admin's or of a virtual host whose default that is.
"""

from typing import Any

import amqp
from amqp.exceptions import NotFound
from kombu import Queue

from scheduler.settings import BrokerQueues

QUORUM = {"x-queue-type": "quorum"}


def queues(kind: BrokerQueues) -> tuple[Queue, ...]:
    """The worker's queues; `kind` is how RabbitMQ makes those that are not there."""
    arguments = QUORUM if kind is BrokerQueues.QUORUM else None
    return tuple(
        QueueAsItIs(name, routing_key=name, queue_arguments=arguments)
        for name in ("planning", "delivery")
    )


class QueueAsItIs(Queue):
    """A queue that is declared only where it is not there."""

    def queue_declare(
        self,
        nowait: bool = False,  # noqa: FBT001, FBT002 (kombu's signature)
        passive: bool = False,  # noqa: FBT001, FBT002
        channel: Any = None,
    ) -> Any:
        channel = channel or self.channel
        if not passive and exists(channel, self.name):
            return self.name
        return super().queue_declare(nowait=nowait, passive=passive, channel=channel)


def exists(channel: Any, name: str) -> bool:
    """Asked on a channel of its own, which RabbitMQ closes with a no. Redis need not be asked."""
    if not isinstance(channel, amqp.Channel):
        return False
    try:
        with channel.connection.channel() as asking:
            asking.queue_declare(name, passive=True)
    except NotFound:
        return False
    return True

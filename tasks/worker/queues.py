"""The queues on the broker. Existing ones are used with the properties that they have.

RabbitMQ refuses to declare a queue that exists with other properties, such as a quorum queue that
an admin made, or that is the virtual host's default type.
"""

from typing import Any

import amqp
from amqp.exceptions import NotFound
from kombu import Queue

from scheduler.settings import BrokerQueues

QUORUM = {"x-queue-type": "quorum"}


def queues(kind: BrokerQueues) -> tuple[Queue, ...]:
    """The worker's queues. `kind`: the type of those that RabbitMQ has to create."""
    arguments = QUORUM if kind is BrokerQueues.QUORUM else None
    return tuple(
        QueueAsItIs(name, routing_key=name, queue_arguments=arguments)
        for name in ("planning", "delivery")
    )


class QueueAsItIs(Queue):
    """A queue that is declared only if it does not exist."""

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
    """True where the queue exists. A separate channel is used, as RabbitMQ closes it if not; Redis
    needs no declaration."""
    if not isinstance(channel, amqp.Channel):
        return False
    try:
        with channel.connection.channel() as asking:
            asking.queue_declare(name, passive=True)
    except NotFound:
        return False
    return True

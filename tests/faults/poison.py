"""An app whose worker process dies on messages to certain people: `celery -A tests.faults.poison
…`.

Their address sets the moment: `words@…` when the message is rendered, `call@…` when it is handed
over. A task `tests.faults.poison.die` dies at once.
"""

import os
import signal
from typing import Any

from tasks import app as app
from tasks.channels.direct import DirectChannel
from tasks.delivery import sender
from tasks.delivery.message import worded

send = DirectChannel.send


@app.task(name="tests.faults.poison.die")
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly_words(tools: Any, message: Any, form: Any) -> Any:
    if "words@" in str(message.recipient):
        die()
    return worded(tools, message, form)


def deadly_call(self: Any, letter: Any, recipient: Any, *rest: Any) -> Any:
    if "call@" in str(recipient):
        die()
    return send(self, letter, recipient, *rest)


vars(sender)["worded"] = deadly_words
setattr(DirectChannel, "send", deadly_call)  # noqa: B010 (it is no method's type)

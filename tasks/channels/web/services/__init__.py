"""Meaning of each service's answer: the one place that knows it, for every channel.

Channels report what they saw (tasks.channels.web.exchange); what a service says in a body is read
here, by a description of its form. `reader_of` gives a plugin's.
"""

from collections.abc import Mapping

from tasks.channels.web.services.chat import CHAT
from tasks.channels.web.services.mail import MAIL
from tasks.channels.web.services.plain_no import PLAIN_NO
from tasks.channels.web.services.service_words import Reader
from tasks.channels.web.services.sms import SMS

READERS: Mapping[str, Reader] = {**SMS, **CHAT, **MAIL}


# Schemes for the site's own endpoints: every request of theirs carries the message.
GATEWAYS = {"json", "jsons", "form", "forms", "xml", "xmls"}


def reader_of(service: str) -> Reader:
    """The reader for a plugin's service, by its name. For services not described here,
    `PLAIN_NO`."""
    return READERS.get(service, PLAIN_NO)

"""Senders and recipients of the mail services that Apprise reaches by HTTP."""

import re
from collections.abc import Mapping
from typing import Any

from apprise.plugins.base import NotifyBase

from scheduler.settings import InvalidSetting
from tasks.channels.template import SAMPLE, Template

# Where a plugin keeps the address that its mails come from, by scheme. Nothing else of a channel's
# URL ever reaches a recipient (design, "Reminders and alarms"): of `sendgrid://KEY:desk@school.et`
# a reader of URLs alone would take `KEY` for a part of it.
SENDERS: Mapping[str, str] = {
    "acs": "from_email",
    "azure": "source",
    "brevo": "from_email",
    "groundmail": "from_addr",
    "mailersend": "from_email",
    "mailgun": "from_addr",
    "mailto": "from_addr",
    "mailtos": "from_addr",
    "o365": "source",
    "pingram": "from_addr",
    "postmark": "from_addr",
    "resend": "from_addr",
    "sendgrid": "from_email",
    "sendpulse": "from_addr",
    "ses": "from_addr",
    "smtp2go": "from_addr",
    "sparkpost": "from_addr",
}
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)


def sender_address(plugin: NotifyBase) -> str:
    """The address that a plugin's mails come from; '' where it has none, or sends no mail."""
    kept: Any = getattr(plugin, SENDERS.get(str(plugin.schema), ""), None)
    address = kept[1] if isinstance(kept, tuple | list) else kept
    return address if isinstance(address, str) and ADDRESS.fullmatch(address) else ""


def refuse_other_recipients(template: Template, plugin: NotifyBase) -> None:
    """Raise InvalidSetting where a mail service's URL does not send to exactly the person.

    Without a target most services write to the sender: mails would count as sent and reach nobody.
    """
    if str(plugin.schema) not in SENDERS:
        return
    targets = getattr(plugin, "targets", None) or []
    persons = any(SAMPLE[name] in str(targets) for name in template.placeholders)
    if len(targets) != 1 or not persons:
        raise InvalidSetting(
            f"{template.setting}: the one target of {plugin.schema}:// must be the person:"
            f" end its path with /{{email}}; for copies use cc= or bcc=."
        )

"""Headers with a person's stop link, for mail services whose API carries headers (RFC 8058).

Some of Apprise's plugins take headers; for the others they are added to the body, which acs:// and
ses:// sign, so that they stay without.
"""

from collections.abc import Mapping
from typing import Any

from apprise.plugins.base import NotifyBase

# Plugins with a mapping `headers` of a mail's headers.
TAKES_HEADERS = frozenset({"mailgun", "smtp2go", "sparkpost"})
# https://resend.com/docs/api-reference/emails/send-email
# https://www.twilio.com/docs/sendgrid/api-reference/mail-send
AS_OBJECT = frozenset({"resend", "sendgrid"})
# https://postmarkapp.com/developer/api/email-api
AS_PAIRS = frozenset({"postmark"})
CARRY = TAKES_HEADERS | AS_OBJECT | AS_PAIRS


def add_headers(service: str, plugin: NotifyBase, headers: Mapping[str, str]) -> None:
    """Add the headers to the plugin, if it takes any; those of its URL stay."""
    if headers and service in TAKES_HEADERS:
        plugin.headers = {**headers, **plugin.headers}  # type: ignore[attr-defined]


def header_fields(service: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """The headers as fields of the service's body; none for other services."""
    if headers and service in AS_OBJECT:
        return {"headers": dict(headers)}
    if headers and service in AS_PAIRS:
        return {"Headers": [{"Name": name, "Value": headers[name]} for name in headers]}
    return {}

"""Fields that SMS providers need for letters outside the GSM alphabet, and that Apprise's plugins
do not send.

Without them Vonage and MessageBird show question marks, SMSC reads UTF-8 as Windows-1251, and
SerwerSMS drops the letters.
"""

import json
from collections.abc import Mapping
from typing import Any

from tasks.messages.segments import in_gsm_alphabet

UNICODE_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "messagebird": {"datacoding": "unicode"},
    "serwersms": {"utf": True},
    "smsc": {"charset": "utf-8"},
    "vonage": {"type": "unicode"},
}


def unicode_fields(service: str, text: str) -> Mapping[str, Any]:
    """The fields for a service, by its plugin's name; none if the text fits the GSM alphabet."""
    return {} if in_gsm_alphabet(text) else UNICODE_FIELDS.get(service, {})


def with_fields(data: Any, fields: Mapping[str, Any]) -> Any:
    """A request's body, form or JSON, with these fields added."""
    if fields and isinstance(data, dict):
        return {**data, **fields}
    if fields and isinstance(data, str) and data.startswith("{"):
        return json.dumps({**json.loads(data), **fields})
    return data

"""What an SMS provider must be told so that letters beyond GSM's own alphabet arrive as they are.

Their plugins do not tell it. Without it Vonage and MessageBird write question marks, SMSC reads
UTF-8 as Windows-1251, and SerwerSMS leaves the letters out.
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
    """By the plugin's name; none where the text needs none."""
    return {} if in_gsm_alphabet(text) else UNICODE_FIELDS.get(service, {})


def with_fields(data: Any, fields: Mapping[str, Any]) -> Any:
    """A request's body with these fields too, be it a form or JSON."""
    if fields and isinstance(data, dict):
        return {**data, **fields}
    if fields and isinstance(data, str) and data.startswith("{"):
        return json.dumps({**json.loads(data), **fields})
    return data

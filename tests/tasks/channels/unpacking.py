"""Content of a request's body in any wrapping: JSON, a form, base64, a mail in a form."""

import base64
import binascii
import json
import quopri
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote_plus

BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}|\r?\n){8,}[A-Za-z0-9+/=]*")


def layers(text: str, found: frozenset[str] = frozenset()) -> frozenset[str]:
    """The text, and all that can be read in it by unwrapping, to any depth."""
    if text in found:
        return found
    found |= {text}
    for inner in unwrapped(text):
        found = layers(inner, found)
    return found


def unwrapped(text: str) -> Iterator[str]:
    with suppress(ValueError):
        yield json.dumps(json.loads(text), ensure_ascii=False).replace("\\r\\n", "\r\n")
    yield unquote_plus(text)
    if "quoted-printable" in text:
        yield quopri.decodestring(text.encode()).decode("utf-8", "replace")
    for hit in BASE64.findall(text):
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode("".join(hit.split()), validate=True).decode()


def everything_in(body: bytes) -> str:
    return "\n".join(sorted(layers(body.decode("utf-8", "replace"))))

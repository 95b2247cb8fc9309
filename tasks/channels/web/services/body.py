"""Parsing of JSON and XML bodies, and look-up of values by path.

A path is names and places in lists with dots, `messages.0.status`; `*` is every place of a list.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

LONGEST_ID = 200
PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)\b", re.IGNORECASE)


def structure(body: bytes) -> Any:
    """A JSON or XML body as mappings, lists and single values; None where it is neither.

    The keys of an XML document are its element names, without the root.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        return from_xml(text) if text.startswith(b"<") else json.loads(text)
    except (ValueError, ElementTree.ParseError, RecursionError):
        return None


def from_xml(text: bytes) -> Any:
    """Parse XML, unless it has a document type: that could define endlessly expanding entities."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return None
    return element_value(ElementTree.fromstring(text))  # noqa: S314 (without a document type)


def element_value(element: ElementTree.Element) -> Any:
    """An element's text, or its children by name; a repeated name gives a list."""
    if len(element) == 0:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        name, value = child.tag.rpartition("}")[2], element_value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def find(value: Any, path: str) -> list[str]:
    """The single values at a path as text: numbers as written, true, false and null."""
    return [in_words(each) for each in walk(value, path.split(".") if path else [])]


def first(value: Any, *paths: str) -> str:
    """The first non-empty value at any of the paths."""
    for path in paths:
        for found in find(value, path):
            if found and found != "null":
                return found
    return ""


def walk(value: Any, steps: list[str]) -> Iterator[Any]:
    if not steps:
        if not isinstance(value, (dict, list)):
            yield value
    elif isinstance(value, dict):
        if steps[0] in value:
            yield from walk(value[steps[0]], steps[1:])
    elif isinstance(value, list):
        places = value if steps[0] == "*" else value[place_in(steps[0])]
        for each in places:
            yield from walk(each, steps[1:])
    elif steps[0] in ("*", "0"):
        # In XML, a list of one cannot be told from a single element.
        yield from walk(value, steps[1:])


def place_in(step: str) -> slice:
    place = int(step) if step.isascii() and step.isdigit() and len(step) < 6 else -1
    return slice(place, place + 1) if place >= 0 else slice(0, 0)


def in_words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def plain_text(body: bytes) -> str:
    """The body as text, with invalid bytes replaced."""
    return body.decode("utf-8", "replace").lstrip("\ufeff").strip()


def has_tags(text: str) -> bool:
    """True if the text looks like HTML or XML."""
    return "<" in text and ">" in text


def is_page(body: bytes) -> bool:
    """True if the body is an HTML page: of a portal, a proxy, a site under maintenance."""
    return PAGE.match(body) is not None


def fit_id(text: str) -> str | None:
    """A provider's id in the form that is stored; None if the value is no id."""
    return text if text and text.isprintable() and len(text) <= LONGEST_ID else None

"""Bodies as values, and paths into them.

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

    Of an XML document the elements are the names, from below its root on.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        return from_xml(text) if text.startswith(b"<") else json.loads(text)
    except (ValueError, ElementTree.ParseError, RecursionError):
        return None


def from_xml(text: bytes) -> Any:
    """A document type could define entities that grow without end; no answer needs one."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return None
    return element_value(ElementTree.fromstring(text))  # noqa: S314 (without a document type)


def element_value(element: ElementTree.Element) -> Any:
    """An element's text, or what stands in it by name; a name that comes again is a list."""
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
    """The single values under a path, in words: numbers as written, true, false and null."""
    return [in_words(each) for each in walk(value, path.split(".") if path else [])]


def first(value: Any, *paths: str) -> str:
    """The first value that one of the paths leads to and that says something."""
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
        # XML with one element of a name has no list.
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
    """True where the text looks like HTML or XML."""
    return "<" in text and ">" in text


def is_page(body: bytes) -> bool:
    """Whether it is a page for people: a portal's, a proxy's, of a site that is being mended."""
    return PAGE.match(body) is not None


def fit_id(text: str) -> str | None:
    """A provider's id as it is kept; None for what is no id."""
    return text if text and text.isprintable() and len(text) <= LONGEST_ID else None

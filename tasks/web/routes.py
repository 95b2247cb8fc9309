"""The table of addresses: path, who may see it, and the function that answers.

An address is added here, and its function in a module of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from tasks.web.access import Access, Guard, Guarded
from tasks.web.calendar_feed import calendar_feed
from tasks.web.files import file
from tasks.web.pages import person, search, session, today
from tasks.web.probes import healthz, metrics, readyz
from tasks.web.shared_page import shared
from tasks.web.stream import events


@dataclass(frozen=True, slots=True)
class Address:
    """`path`: with Starlette's parameters. `answer`: a function of the request; one that is not
    async runs in a thread and may wait for the database."""

    path: str
    access: Access
    answer: Callable[..., Any]


ADDRESSES: Sequence[Address] = (
    Address("/healthz", Access.EVERYBODY, healthz),
    Address("/readyz", Access.EVERYBODY, readyz),
    Address("/metrics", Access.ADMIN, metrics),
    Address("/", Access.ADMIN, shared(today)),
    Address("/search", Access.ADMIN, shared(search)),
    Address("/sessions/{session_id:int}", Access.ADMIN, shared(session)),
    Address("/people/{person_id:int}", Access.ADMIN, shared(person)),
    Address("/events", Access.ADMIN, events),
    Address("/static/{name}", Access.EVERYBODY, file),
    Address("/calendar/{token}.ics", Access.EVERYBODY, calendar_feed),
)


def routes(guard: Guard) -> list[Route]:
    """Starlette's routes of all addresses."""
    return [route(each, guard) for each in ADDRESSES]


def route(address: Address, guard: Guard) -> Route:
    found = Route(address.path, address.answer, methods=["GET"])
    if address.access is Access.ADMIN:
        found.app = Guarded(found.app, guard)
    return found

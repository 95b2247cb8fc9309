"""Stand-in for `requests` in the modules of plugins: the same names, but requests go by a
`Carrier`.

Apprise accepts no `requests.Session` from outside: its plugins call `requests.post`. So the name
`requests` is bound to this module, but only in the modules of the plugin that a channel uses
(docs/decisions/0030). Outside a `Carrier` it behaves like `requests`.
"""

import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import requests
from apprise.plugins.base import NotifyBase

from tasks.channels.web.carrier import CARRYING, CarriedSession

Session = session = CarriedSession


def __getattr__(name: str) -> Any:
    """Exceptions, status codes and every other name come from `requests` itself."""
    return getattr(requests, name)


class Kept(threading.local):
    """A thread's session for the requests of a carrier, which keeps the connections itself. It
    takes no cookies, so that nothing passes from one message to the next."""

    def __init__(self) -> None:
        self.session = CarriedSession()


KEPT = Kept()


def request(method: str, url: str, **options: Any) -> requests.Response:
    if CARRYING.get() is not None:
        return KEPT.session.request(method, url, **options)
    with CarriedSession() as once:
        return once.request(method, url, **options)


def get(url: str, params: Any = None, **options: Any) -> requests.Response:
    return request("GET", url, params=params, **options)


def options(url: str, **options: Any) -> requests.Response:
    return request("OPTIONS", url, **options)


def head(url: str, **options: Any) -> requests.Response:
    return request("HEAD", url, **{"allow_redirects": False, **options})


def post(url: str, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
    return request("POST", url, data=data, json=json, **options)


def put(url: str, data: Any = None, **options: Any) -> requests.Response:
    return request("PUT", url, data=data, **options)


def patch(url: str, data: Any = None, **options: Any) -> requests.Response:
    return request("PATCH", url, data=data, **options)


def delete(url: str, **options: Any) -> requests.Response:
    return request("DELETE", url, **options)


def speaks_by_requests(plugin: type[NotifyBase]) -> bool:
    """True if the plugin's module has the name `requests`, bound to the library or to this
    module."""
    named = vars(sys.modules[plugin.__module__]).get("requests")
    return named is requests or named is sys.modules[__name__]


def lend_requests(plugin: type[NotifyBase]) -> None:
    """Bind `requests` to this module in the plugin's package and in those of its base classes."""
    for module in modules_of(plugin):
        if vars(module).get("requests") is requests:
            vars(module)["requests"] = sys.modules[__name__]


PLUGINS = "apprise.plugins."


def modules_of(plugin: type[NotifyBase]) -> Iterator[ModuleType]:
    for kind in plugin.__mro__:
        package, _, _ = kind.__module__.removeprefix(PLUGINS).partition(".")
        if kind.__module__.startswith(PLUGINS):
            for name, module in [*sys.modules.items()]:
                if f"{name}.".startswith(f"{PLUGINS}{package}."):
                    yield module

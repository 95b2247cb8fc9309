"""`requests` as the plugins of a channel see it: the same, but what sends goes by a `Carrier`.

Apprise has no place to put a session of one's own: its plugins call `requests.post`. So in the
modules of the plugin that a channel uses, and nowhere else, the name `requests` stands for this
module (docs/decisions/0030). Outside a `Carrier` it does as `requests` does.
"""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import requests
from apprise.plugins.base import NotifyBase

from tasks.channels.web.carrier import CarriedSession

Session = session = CarriedSession


def __getattr__(name: str) -> Any:
    """Errors, status codes and all else are the library's own."""
    return getattr(requests, name)


def request(method: str, url: str, **options: Any) -> requests.Response:
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
    """Whether the module of a plugin names `requests`, lent or the library's own."""
    named = vars(sys.modules[plugin.__module__]).get("requests")
    return named is requests or named is sys.modules[__name__]


def lend_requests(plugin: type[NotifyBase]) -> None:
    """Let the modules of a plugin's package, and of those it is derived from, see this one."""
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

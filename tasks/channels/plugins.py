"""Apprise's plugins: loaded from a template, and checked at the start.

Only plugins whose transport can be observed are accepted: e-mail, and those that use HTTP through
`requests`. Local ones (syslog, dbus), and those with other protocols (MQTT, IRC, XMPP), only return
true or false, which is not enough for promise 3.
"""

import logging
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC

from apprise import Apprise, AppriseAsset, common
from apprise.manager_attachment import AttachmentManager
from apprise.manager_plugins import NotificationManager
from apprise.plugins.base import NotifyBase
from apprise.plugins.email import NotifyEmail

from scheduler.settings import InvalidSetting
from tasks.channels.template import SAMPLE, Template
from tasks.channels.web.carried_requests import lend_requests, speaks_by_requests

NAME = "session-worker"
ASSET = AppriseAsset(
    app_id=NAME,
    app_desc="Session worker",
    async_mode=False,
    # Apprise adds pictures of its own to a message, from its own place in the net.
    image_url_mask="",
    http_redirects=False,
    interpret_emojis=False,
    allow_templates=False,
    pem_autogen=False,
    pgp_autogen=False,
    storage_mode=common.PersistentStoreMode.MEMORY.value,
    timezone=UTC,
)

# Speaks through web sockets; `requests` serves it for look-ups alone.
NOT_THROUGH_REQUESTS = {"nostr"}


def load_everything() -> None:
    """Load all that Apprise and Python would load with the first message.

    If two threads need it at the same time, the second finds it half loaded: with Python's list of
    file types still empty, Apprise refuses an attachment. Call it before the first message, and
    before a worker forks.
    """
    if not mimetypes.inited:
        mimetypes.init()
    plugins().load_modules()  # type: ignore[no-untyped-call]
    AttachmentManager().load_modules()  # type: ignore[no-untyped-call]
    "addis".encode("idna")


def load(url: str) -> NotifyBase | None:
    """The plugin for a complete Apprise URL; None where Apprise has none or refuses the URL."""
    scheme = url.partition("://")[0].strip().lower()
    with listening():
        # Read here and not within instantiate(), which takes as long again to mask the URL for a
        # log that nobody reads.
        parts = plugins()[scheme].parse_url(url) if scheme in plugins() else None
        plugin = Apprise.instantiate({**parts, "schema": scheme}, asset=ASSET) if parts else None
    if plugin is not None:
        # The limit is ours (tasks.channels.rate). A sleep in here would outlive the lease.
        plugin.throttle = never_wait  # type: ignore[method-assign]
        if hasattr(plugin, "sparkpost_retry_attempts"):
            plugin.sparkpost_retry_attempts = 0  # so it would ask again at once, three times
    return plugin


def never_wait(*_: object, **__: object) -> None:
    """Replacement of a plugin's own waiting."""


def sample_plugin(template: Template) -> NotifyBase:
    """The plugin of a template, with sample values.

    Raises InvalidSetting where the URL is unusable; the line shows only its scheme.
    """
    plugin = load(template.url(SAMPLE)) if can_be_watched(template) else None
    if plugin is None:
        raise InvalidSetting(f"{template.setting}: {why_unusable(template)}.")
    lend_requests(type(plugin))
    return plugin


def why_unusable(template: Template) -> str:
    scheme = scheme_of(template)
    manager = plugins()
    if scheme in ("http", "https"):
        return f"{scheme}:// is no Apprise URL: for a webhook write json://host/path or jsons://"
    if scheme not in manager:
        return f"Apprise knows no {scheme}://: see https://appriseit.com/services/"
    if not can_be_watched(template):
        words = "cannot be used, as it does not tell if a message was accepted"
        return f"{scheme}:// {words}: use e-mail or a service reached by HTTP"
    if not manager[scheme].enabled:
        return f"{scheme}:// needs a Python package that is not installed: see {help_page(scheme)}"
    if manager[scheme] is NotifyEmail and load(template.url(SAMPLE) + SOMEBODY) is not None:
        return f"{scheme}:// has no sender: add &from=lessons@site.example"
    return f"a {scheme}:// URL has other parts than this: see {help_page(scheme)}"


SOMEBODY = "&from=lessons@site.example"


def private_parts(plugin: NotifyBase) -> frozenset[str]:
    """Values that Apprise marks as private in a plugin, such as an API key."""
    known = {**type(plugin).template_tokens, **type(plugin).template_args}
    names = {
        part.get("map_to", name)
        for name, part in known.items()
        if isinstance(part, Mapping) and part.get("private")
    }
    values = (getattr(plugin, name, None) for name in names)
    return frozenset(value for value in values if isinstance(value, str))


def scheme_of(template: Template) -> str:
    return template.text.partition("://")[0].strip().lower()


def help_page(scheme: str) -> str:
    return str(plugins()[scheme].setup_url)


def plugins() -> NotificationManager:
    """Apprise's list of plugins by scheme; a process has one."""
    return NotificationManager()  # type: ignore[no-untyped-call]


def can_be_watched(template: Template) -> bool:
    """True where the scheme's plugin is e-mail, or sends everything by `requests`."""
    scheme = scheme_of(template)
    if scheme not in plugins() or scheme in NOT_THROUGH_REQUESTS:
        return False
    plugin = plugins()[scheme]
    return plugin is NotifyEmail or speaks_by_requests(plugin)


COMPLAINTS: ContextVar[list[str] | None] = ContextVar("complaints", default=None)


class Listener(logging.Handler):
    """Keeps Apprise's warnings for the ledger. They name recipients, so they go no further."""

    def emit(self, record: logging.LogRecord) -> None:
        complaints = COMPLAINTS.get()
        if complaints is not None:
            complaints.append(record.getMessage())


APPRISE_LOG = logging.getLogger("apprise")
APPRISE_LOG.addHandler(Listener(logging.WARNING))
APPRISE_LOG.propagate = False

# At DEBUG these log each request's path, with tokens in it (`POST /bot123:secret/…`), at WARNING
# the path of one with an odd answer. The ledger has this information, redacted.
for name in ("urllib3", "requests", "oauthlib", "requests_oauthlib"):
    logging.getLogger(name).addHandler(logging.NullHandler())
    logging.getLogger(name).propagate = False


@contextmanager
def listening() -> Iterator[list[str]]:
    """Apprise's warnings in this thread during the block, in order."""
    complaints: list[str] = []
    token = COMPLAINTS.set(complaints)
    try:
        yield complaints
    finally:
        COMPLAINTS.reset(token)

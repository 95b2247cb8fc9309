"""Apprise's plugins as this worker uses them: loaded from a template, checked once at the start.

Only plugins whose transport can be watched are taken: e-mail, and those that speak HTTP through
`requests`. A local one (syslog, dbus), or one with a protocol of its own (MQTT, IRC, XMPP), answers
true or false, and promise 3 does not believe that.
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
    """Load what Apprise and Python would load at the first message that needs it.

    Of two threads that need it at once the second is told that it is there already, and finds half
    of it: Python's list of file types was empty then, and Apprise refuses a type that it does not
    find there. Call it before the first message, and before a worker forks.
    """
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
    """In place of a plugin's own waiting."""


def sample_plugin(template: Template) -> NotifyBase:
    """The plugin of a template with stand-ins for its values.

    Raises InvalidSetting where the URL is unusable, without a word of the URL but its scheme.
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
        words = "cannot be used, as what became of a message would not be known"
        return f"{scheme}:// {words}: take e-mail or a service reached by HTTP"
    if not manager[scheme].enabled:
        return f"{scheme}:// needs a Python package that is not installed: see {help_page(scheme)}"
    if manager[scheme] is NotifyEmail and load(template.url(SAMPLE) + SOMEBODY) is not None:
        return f"{scheme}:// does not say who writes: add &from=lessons@site.example"
    return f"a {scheme}:// URL has other parts than this: see {help_page(scheme)}"


SOMEBODY = "&from=lessons@site.example"


def private_parts(plugin: NotifyBase) -> frozenset[str]:
    """What Apprise calls private in a plugin, such as an API key that reads like a plain word."""
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
    """Apprise's list of plugins, by scheme; there is one a process."""
    return NotificationManager()  # type: ignore[no-untyped-call]


def can_be_watched(template: Template) -> bool:
    """Whether the scheme's plugin is e-mail, or calls `requests` for all it sends."""
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

# At DEBUG these write each request's address, with the tokens in it (`POST /bot123:secret/…`), and
# at WARNING the address of one that was answered oddly. What they know stands in the ledger.
for name in ("urllib3", "requests", "oauthlib", "requests_oauthlib"):
    logging.getLogger(name).addHandler(logging.NullHandler())
    logging.getLogger(name).propagate = False


@contextmanager
def listening() -> Iterator[list[str]]:
    """What Apprise complains of in this thread meanwhile, the last being the nearest to the end."""
    complaints: list[str] = []
    token = COMPLAINTS.set(complaints)
    try:
        yield complaints
    finally:
        COMPLAINTS.reset(token)

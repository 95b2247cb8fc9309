"""Checks for channel URLs that Apprise accepts but that cannot deliver the message to a person."""

import re
from importlib.util import find_spec
from urllib.parse import parse_qsl, urlsplit

from apprise.plugins.base import NotifyBase
from requests.utils import get_environ_proxies, select_proxy

from scheduler.settings import ChannelName, InvalidSetting
from tasks.channels.template import SAMPLE, Template
from tasks.channels.web.rehearsal import rehearsed
from tasks.channels.web.services import GATEWAYS

NUMBERS = {"phone", "msisdn", "national"}


def refuse_unfit(template: Template, sample: NotifyBase) -> None:
    """Check a channel's plugin. Raises InvalidSetting, naming the cure, where messages would be
    lost."""
    refuse_mangled_letters(template)
    refuse_no_number(template, sample)
    refuse_own_phone(template, sample)
    refuse_unfilled_address(template, sample)
    refuse_socks_without_its_package(template, sample)


def refuse_mangled_letters(template: Template) -> None:
    """Check a URL of Kannel's /sendsms: without `coding` and `charset` it turns letters beyond
    GSM's alphabet into question marks, and it accepts no JSON."""
    place, _, query = template.text.partition("?")
    names = {name.lstrip(":-+").lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    if not place.rstrip("/").endswith("/sendsms") or "coding" in names:
        return
    raise InvalidSetting(
        f"{template.setting}: /sendsms without a coding turns Ethiopic letters into question marks:"
        " write form://host:port/cgi-bin/sendsms?method=GET and add &:charset=UTF-8"
        "&:coding={coding}."
    )


def refuse_no_number(template: Template, sample: NotifyBase) -> None:
    """Check that the plugin keeps the person's number: some drop a number of another country, and
    some of these then write to the sender."""
    named = template.placeholders & NUMBERS
    targets = getattr(sample, "targets", None)
    if template.channel is not ChannelName.SMS or not named or targets is None:
        return
    tail = SAMPLE["national"].lstrip("0")
    if not any(tail in str(target) for target in targets):
        raise InvalidSetting(
            f"{template.setting}: this service takes no number of PHONE_REGION: take another, or"
            " write the number in its own form, as {phone}, {msisdn} or {national}."
        )


def refuse_own_phone(template: Template, sample: NotifyBase) -> None:
    """Check that the plugin has recipients: those without any write to the account's own phone."""
    tokens = {*type(sample).template_tokens, *type(sample).template_args}
    own = not tokens & {"targets", "to"} and not template.placeholders
    if template.channel is ChannelName.SMS and own and sample.schema not in GATEWAYS:
        raise InvalidSetting(
            f"{template.setting}: this service writes to its own account's phone alone: take one"
            " whose URL names the person, as {phone}."
        )


# `{auth_id}`, literal or percent-encoded.
UNFILLED = re.compile(r"(\{|%7B)\w+(\}|%7D)", re.IGNORECASE)


def refuse_unfilled_address(template: Template, sample: NotifyBase) -> None:
    """Check for a placeholder left in the address: Apprise 2.3.0 sends every message of Plivo to
    /v1/Account/{auth_id}/Message/."""
    if template.channel is not ChannelName.SMS:
        return  # a push plugin might remove a subscription that it cannot reach
    for request in rehearsed(sample):
        if UNFILLED.search(urlsplit(request.url or "").path):
            raise InvalidSetting(
                f"{template.setting}: this version of Apprise leaves a part of this address"
                " unfilled, so that no message arrives: take another service, or a newer Apprise."
            )


def refuse_socks_without_its_package(template: Template, sample: NotifyBase) -> None:
    """Check the environment's proxy for this channel: its scheme may be unsupported here."""
    named = str(getattr(sample, "host", None) or "")
    # In the URLs of many services a key takes the host's place.
    host = named if re.fullmatch(r"[\w.-]+", named) else "service.example"
    plain = type(sample).protocol or ()
    is_plain = sample.schema in ((plain,) if isinstance(plain, str) else plain)
    url = f"{'http' if is_plain else 'https'}://{host}/"
    proxy = select_proxy(url, get_environ_proxies(url)) or ""
    if proxy.lower().startswith("socks") and find_spec("socks") is None:
        raise InvalidSetting(
            f"{template.setting}: the environment's proxy (all_proxy or the like) is a SOCKS one,"
            " which needs a Python package: pip install PySocks, or add the host to no_proxy."
        )

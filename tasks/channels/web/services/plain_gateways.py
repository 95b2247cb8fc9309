"""Refusals of self-hosted gateways that answer in plain text.

These texts are distinctive, so they count under any status: no proxy writes them. Their acceptance
is described by the settings (tasks.channels.web.services.own_word).
"""

from tasks.channels.web.services.form import NEVER
from tasks.channels.web.services.plain_words import PlainWords
from tasks.channels.web.services.service_words import Reading, Stance

# Kannel 1.4.5, gw/smsbox.c: 400, 403 and 503. 403 stands both for a refused login and for a number
# without a route.
KANNEL = PlainWords(
    yes=NEVER,
    no=r"(Temporal failure|Not routable|Number\(s\) has|Missing receiver|Empty receiver"
    r"|Sender missing|Authorization failed)",
    person=r"Not routable|Number\(s\) has|Missing receiver|Empty receiver",
    channel="Sender missing|Authorization failed",
    passing="Temporal failure",
)
# Jasmin 0.11.1, run with RabbitMQ and Redis: 400, 403, 412 and 500. 403 stands for a login, a quota
# or a rate; after "Unknown error" the SMS may have gone out.
JASMIN = PlainWords(
    yes=NEVER,
    no=r'Error "(?!Unknown error)([^"]+)"',
    person=r"No route found|Argument \[to\] .*",
    channel=r"Authentication failure.*|.*not authorized.*",
    balance="Cannot charge .*",
    passing="User throughput exceeded|Cannot send .*",
)
GATEWAYS_WORDS = (KANNEL, JASMIN)


def known_refusal(body: bytes, status: int) -> Reading | None:
    """The refusal in the text of one of these gateways; None if the text is no such refusal."""
    readings = (each.read(body, status) for each in GATEWAYS_WORDS)
    return next((each for each in readings if each.stance is Stance.NO), None)

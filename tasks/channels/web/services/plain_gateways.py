"""Refusals of gateways that a school runs itself and that answer in plain words.

Their words are known, so they are theirs under any status: a proxy has none of them. What they say
where they accept a message stands in the settings (tasks.channels.web.services.own_word).
"""

from tasks.channels.web.services.form import NEVER
from tasks.channels.web.services.plain_words import PlainWords
from tasks.channels.web.services.service_words import Reading, Stance

# Kannel 1.4.5, gw/smsbox.c: 400, 403 and 503. 403 is a login, and a number that no SMSC takes.
KANNEL = PlainWords(
    yes=NEVER,
    no=r"(Temporal failure|Not routable|Number\(s\) has|Missing receiver|Empty receiver"
    r"|Sender missing|Authorization failed)",
    person=r"Not routable|Number\(s\) has|Missing receiver|Empty receiver",
    channel="Sender missing|Authorization failed",
    passing="Temporal failure",
)
# Jasmin 0.11.1, run with RabbitMQ and Redis: 400, 403, 412 and 500. 403 is a login, a quota and a
# rate; an "Unknown error" leaves open how far it came.
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
    """A no in the words of one of these gateways; None where it is none."""
    readings = (each.read(body, status) for each in GATEWAYS_WORDS)
    return next((each for each in readings if each.stance is Stance.NO), None)

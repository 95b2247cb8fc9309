"""Observations of a mail's dialogue with a mail server, and their meaning (RFC 5321)."""

from enum import Enum

from tasks.channels.outcome import About
from tasks.channels.verdict import for_good, for_now, sent, unknown

CREDENTIALS = "check the user and password"
SENDER = "check the sender's address"
WELCOME = "check the login and the sender's address"
DNS = "check the SPF and DKIM records of the sender's domain"


class MailSeen(Enum):
    """Observations in the order of the dialogue. Before the final dot nothing is handed over."""

    NO_NAME = for_now("the server's name is not resolved")
    REFUSED = for_now("connection refused, or no way to the server")
    CONNECT_TIMEOUT = for_now("no connection within the time-out")
    TLS_REFUSED = for_now("TLS refused, not offered, or a certificate that is not trusted")
    NO_GREETING = for_now("connection cut or time-out before MAIL")
    TURNED_AWAY = for_now("4xx or 5xx in place of a greeting, or to EHLO")
    LOGIN_LATER = for_now("4xx to the login")
    LOGIN_REFUSED = for_good("5xx to the login, or no login offered", About.CHANNEL, CREDENTIALS)
    MAIL_LATER = for_now("4xx to MAIL")
    MAIL_REFUSED = for_good("5xx to MAIL", About.CHANNEL, SENDER)
    RCPT_LATER = for_now("any other 4xx to RCPT", About.LATER)
    MAILBOX_LATER = for_now("4xx to RCPT with 4.2.1, 4.2.2 or 4.2.3: a full mailbox", About.PERSON)
    UNWELCOME = for_good("5xx to RCPT that is about client or sender", About.CHANNEL, WELCOME)
    RCPT_REFUSED = for_good("any other 5xx to RCPT: the address is refused", About.PERSON)
    DATA_LATER = for_now("4xx to DATA", About.LATER)
    DATA_REFUSED = for_good("5xx to DATA")
    CUT_BEFORE = for_now("connection cut before the final dot")
    TIMEOUT_BEFORE = for_now("time-out before the final dot")
    CLOSING = for_now("421 to MAIL, RCPT, DATA or the final dot")
    BODY_LATER = for_now("any other 4xx to the final dot", About.LATER)
    BODY_REFUSED_PERSON = for_good("5xx to the final dot with 5.1.x or 5.2.x", About.PERSON)
    UNAUTHENTICATED = for_good("5xx to the final dot with 5.7.20 to 29", About.CHANNEL, DNS)
    BODY_REFUSED = for_good("any other 5xx to the final dot")
    CUT_AFTER = unknown("connection cut after the final dot")
    TIMEOUT_AFTER = unknown("no answer to the final dot within the time-out")
    GARBLED = unknown("an answer to the final dot that is no SMTP reply, or neither yes nor no")
    ACCEPTED = sent("2xx to the final dot")

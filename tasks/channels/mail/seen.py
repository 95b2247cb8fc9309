"""Everything that can be seen of a mail on its way to a mail server (RFC 5321)."""

from enum import Enum

from tasks.channels.outcome import About
from tasks.channels.verdict import for_good, for_now, sent, unknown

CREDENTIALS = "check the user and password"
SENDER = "check the sender's address"


class MailSeen(Enum):
    """In the order of a mail's way. Before the final dot nothing has been handed over."""

    NO_NAME = for_now("the server's name is not resolved")
    REFUSED = for_now("connection refused, or no way to the server")
    CONNECT_TIMEOUT = for_now("no connection within the time-out")
    TLS_REFUSED = for_now("TLS refused, not offered, or a certificate that is not trusted")
    NO_GREETING = for_now("connection cut or time-out before MAIL")
    TURNED_AWAY = for_now("4xx or 5xx in place of a greeting, or to EHLO")
    LOGIN_LATER = for_now("4xx to the login")
    LOGIN_REFUSED = for_good("5xx to the login, or no login offered", About.CHANNEL, CREDENTIALS)
    MAIL_LATER = for_now("4xx to MAIL, 421 included")
    MAIL_REFUSED = for_good("5xx to MAIL", About.CHANNEL, SENDER)
    RCPT_LATER = for_now("4xx to RCPT, 421 included", About.LATER)
    RCPT_REFUSED = for_good("5xx to RCPT: the address is refused", About.PERSON)
    DATA_LATER = for_now("4xx to DATA, 421 included", About.LATER)
    DATA_REFUSED = for_good("5xx to DATA")
    CUT_BEFORE = for_now("connection cut before the final dot")
    TIMEOUT_BEFORE = for_now("time-out before the final dot")
    BODY_LATER = for_now("4xx to the final dot, 421 included", About.LATER)
    BODY_REFUSED = for_good("5xx to the final dot")
    CUT_AFTER = unknown("connection cut after the final dot")
    TIMEOUT_AFTER = unknown("no answer to the final dot within the time-out")
    GARBLED = unknown("an answer to the final dot that is no SMTP reply, or neither yes nor no")
    ACCEPTED = sent("2xx to the final dot")

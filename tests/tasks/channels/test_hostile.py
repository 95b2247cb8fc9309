"""Any text in a person's data or a session stays text: it adds no header, recipient, parameter or
markup."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Result
from tasks.messages.letter import Attachment
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import (
    a_letter,
    a_person,
    channels,
    email_channel,
    try_once,
    webhook,
)

HOSTILE = [
    "a\r\nBcc: victim@example.et",
    "a\nBcc: victim@example.et\n\nbody",
    "a\rBcc: victim@example.et",
    "=?utf-8?q?=0ABcc:_victim=40example.et?=",
    "=?utf-8?b?CkJjYzogdmljdGltQGV4YW1wbGUuZXQ=?=",
    "a =?utf-8?q?=0D=0ABcc=3A_victim?= b",
    "{{ 7*7 }} {email} {0} %s %(x)s ${x}",
    "<script>alert(1)</script><img src=x onerror=y>",
    "?to=victim@example.et&cc=victim@example.et#x",
    "%0ABcc%3A%20victim%2Cx",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "ትምህርት 🎓👩🏽‍🏫",
    "x" * 10_000,
    "\x00\x07\x1b[31m\x7f\x85\u2028\u2029",
    ".\r\n.\r\nQUIT\r\n",
]
HEADERS = {
    "Content-Type",
    "MIME-Version",
    "Content-Transfer-Encoding",
    "X-Application",
    "Auto-Submitted",
    "Subject",
    "From",
    "To",
    "Message-ID",
    "Date",
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_title_adds_no_header_and_no_recipient(smtp_sink: SmtpSink, words: str) -> None:
    assert try_once(email_channel(smtp_sink), a_letter(title=words)).result is Result.SENT

    [mail] = smtp_sink.accepted
    assert mail.recipients == ("abebe@example.et",)
    assert set(mail.message.keys()) == HEADERS
    assert set(read_by_old_rules(mail.content).keys()) == HEADERS
    assert "\n" not in mail.subject
    assert len(mail.subject) <= 201


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        ("👩🏽‍🏫 ትምህርት", "👩🏽‍🏫 ትምህርት"),
        ("\u2068درس\u2069 begins at 10:00", "\u2068درس\u2069 begins at 10:00"),
        ("\u2068درس begins", "\u2068درس begins\u2069"),
        ("\u202egnp.exe\u202c \u2066x\u2069 \u2067y", "gnp.exe x\u2069 y"),
    ],
)
def test_a_subject_keeps_what_holds_letters_and_directions_together(
    smtp_sink: SmtpSink, title: str, seen: str
) -> None:
    try_once(email_channel(smtp_sink), a_letter(title=title))

    assert smtp_sink.accepted[0].subject == seen


@pytest.mark.parametrize("words", HOSTILE)
def test_a_text_ends_no_mail_and_adds_no_header(smtp_sink: SmtpSink, words: str) -> None:
    letter = a_letter(text=words, html=f"<p>{words}</p>")

    assert try_once(email_channel(smtp_sink), letter).result is Result.SENT

    [mail] = smtp_sink.accepted
    assert set(mail.message.keys()) == HEADERS - {"Content-Transfer-Encoding"}
    assert [part.get_content_type() for part in mail.message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert as_lines(mail.text) == as_lines(words)


@pytest.mark.parametrize("words", ["x.ics", 'a"\r\nX-Evil: 1.ics', "a;b=c.ics", "ትምህርት.ics"])
def test_a_files_name_adds_no_header(smtp_sink: SmtpSink, words: str) -> None:
    file = Attachment(words, "text/calendar; method=REQUEST; charset=utf-8", b"BEGIN:VCALENDAR")

    try_once(email_channel(smtp_sink), a_letter(attachments=(file,)))

    [attached] = smtp_sink.accepted[0].message.iter_attachments()
    assert set(attached.keys()) == {
        "Content-Type",
        "MIME-Version",
        "Content-Transfer-Encoding",
        "Content-Disposition",
    }
    assert attached["Content-Type"].params["method"] == "REQUEST"
    assert attached.get_content_type() == "text/calendar"


@pytest.mark.parametrize(
    "address",
    [
        "abebe?to=victim@example.et",
        "abebe&to=victim@example.et",
        "abebe#x@example.et",
        "a=b+c/d@example.et",
        "{email}@example.et",
        "{{7*7}}@example.et",
    ],
)
def test_an_odd_address_is_the_only_recipient(smtp_sink: SmtpSink, address: str) -> None:
    outcome = try_once(email_channel(smtp_sink), person=a_person(email=address))

    assert outcome.result is Result.SENT
    assert smtp_sink.accepted[0].recipients == (address,)
    assert set(smtp_sink.accepted[0].message.keys()) == HEADERS


@pytest.mark.parametrize(
    "address",
    [
        "abebe@example.et?to=victim@example.et",
        "abebe@example.et,victim@example.et",
        "abebe@example.et\r\nRCPT TO:<victim@example.et>",
        "abebe%2Cvictim%40example.et@example.et",
        "abebe@example.et>",
    ],
)
def test_an_address_that_holds_more_than_one_gets_nothing(
    smtp_sink: SmtpSink, address: str
) -> None:
    outcome = try_once(email_channel(smtp_sink), person=a_person(email=address))

    assert (outcome.result, outcome.final, outcome.words) == (Result.FAILED, True, "bad_email")
    assert smtp_sink.mails == []


@pytest.mark.parametrize("words", HOSTILE)
def test_a_name_adds_nothing_to_a_webhook(http_sink: HttpSink, words: str) -> None:
    channel = webhook(http_sink, "/hook?+X-Name={name}&:name={name}&-name={name}&:last=end")

    outcome = try_once(channel, person=a_person(name=words))

    if outcome.result is Result.FAILED:  # a header takes no such letters: nothing was sent
        assert (outcome.final, http_sink.requests) == (True, [])
        return
    [request] = http_sink.requests
    assert not {"bcc", "x-evil", "to", "cc"} & set(request.headers)
    assert set(request.json) == {*FIELDS, "name", "last"}
    assert request.path.count("name=") == 1


@pytest.mark.parametrize("words", HOSTILE)
def test_a_name_in_a_field_arrives_as_it_is(http_sink: HttpSink, words: str) -> None:
    try_once(webhook(http_sink, "/hook?:name={name}&:last=end"), person=a_person(name=words))

    [request] = http_sink.requests
    assert request.json["last"] == "end"
    assert set(request.json) == {*FIELDS, "name", "last"}
    assert as_lines(request.json["name"].replace("％", "%")) == as_lines(words)


@pytest.mark.parametrize("words", HOSTILE)
def test_a_letter_arrives_at_a_webhook_as_it_is(http_sink: HttpSink, words: str) -> None:
    try_once(webhook(http_sink), a_letter(title=words[:200], text=words))

    [request] = http_sink.requests
    assert set(request.json) == FIELDS
    assert request.json["message"].strip() == words.strip()


def test_an_address_adds_no_recipient_to_a_mail_service(http_sink: HttpSink) -> None:
    """Apprise decodes some parts of a URL twice."""
    url = f"json://{http_sink.host}:{http_sink.port}/send?:to={{email}}"
    channel = channels(channel_email=url)[ChannelName.EMAIL]

    for address in ("a?to=b&cc=c@example.et", "a%2Cb%40example.et@example.et"):
        try_once(channel, person=a_person(email=address))

    assert [request.json["to"] for request in http_sink.requests] == ["a?to=b&cc=c@example.et"]


@pytest.mark.parametrize("own", ["t1,t2", "t1/t2", "t1 t2", "t1;t2", "t1?priority=max", "t1%2Ct2"])
def test_an_address_of_ones_own_is_one_target(http_sink: HttpSink, own: str) -> None:
    url = f"ntfy://{http_sink.host}:{http_sink.port}/{{push}}"
    channel = channels(channel_push=url)[ChannelName.PUSH]

    outcome = try_once(channel, person=a_person(addresses={ChannelName.PUSH: own}))

    assert (outcome.result, outcome.words) == (Result.FAILED, "bad_push")
    assert http_sink.requests == []


def test_a_name_does_not_become_two_targets(http_sink: HttpSink) -> None:
    url = f"ntfy://{http_sink.host}:{http_sink.port}/?to={{name}}"
    channel = channels(channel_push=url)[ChannelName.PUSH]

    outcome = try_once(channel, person=a_person(name="one,two"))

    assert (outcome.result, outcome.final) == (Result.FAILED, True)
    assert http_sink.requests == []


FIELDS = {"version", "title", "message", "attachments", "type"}


def read_by_old_rules(content: bytes) -> EmailMessage:
    """Older programs decode encoded words before they look for the header's end."""
    return email.message_from_bytes(content, policy=email.policy.SMTP)


def as_lines(text: str) -> list[str]:
    """The words of a text, as mail transport may change its line ends and white space."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.split()

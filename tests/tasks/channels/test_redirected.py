"""OUTBOX=redirect:ADDRESS: every message goes to one address and names its recipient."""

from collections.abc import Mapping

import pytest

from scheduler.settings import ChannelName, InvalidSetting, Role
from tasks.channels.channel import Channel
from tasks.channels.outcome import Result
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import a_letter, a_person, channels, try_once


def staging(smtp: SmtpSink, http: HttpSink, address: str) -> Mapping[ChannelName, Channel]:
    web = f"json://{http.host}:{http.port}"
    return channels(
        outbox=f"redirect:{address}",
        channel_email=f"mailto://{smtp.host}:{smtp.port}?from=desk@site.example.et&to={{email}}",
        channel_sms=f"{web}/sms?:to={{phone}}",
        channel_webhook=f"{web}/hook?:who={{person_id}}",
    )


def test_a_mail_goes_to_the_one_address_alone(smtp_sink: SmtpSink, http_sink: HttpSink) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")

    outcome = try_once(made[ChannelName.EMAIL], person=a_person(role=Role.TUTOR))

    assert outcome.result is Result.SENT
    [mail] = smtp_sink.accepted
    assert mail.recipients == ("admin@staging.example",)
    assert mail.text.splitlines()[0] == "[tutor ab…@e….et, by email]"


def test_the_html_says_so_too(smtp_sink: SmtpSink, http_sink: HttpSink) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")
    page = "<html><head><style>body {}</style></head><body class='x'><p>At 14:00</p></body></html>"

    try_once(made[ChannelName.EMAIL], a_letter(html=page))

    html = smtp_sink.accepted[0].message.get_body(("html",))
    assert html is not None
    assert "<body class='x'><p>[student ab…@e….et, by email]</p><p>At 14:00" in html.get_content()


def test_an_address_in_the_html_is_no_markup(smtp_sink: SmtpSink, http_sink: HttpSink) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")

    try_once(made[ChannelName.EMAIL], a_letter(html="<p>x</p>"), a_person(email="&b@example.et"))

    html = smtp_sink.accepted[0].message.get_body(("html",))
    assert html is not None
    assert "[student &amp;b…@e….et, by email]" in html.get_content()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (ChannelName.SMS, "[student +251…44, by sms]"),
        (ChannelName.WEBHOOK, "[student …, by webhook]"),
    ],
)
def test_what_the_address_does_not_fit_goes_by_mail(
    smtp_sink: SmtpSink, http_sink: HttpSink, name: ChannelName, line: str
) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")

    outcome = try_once(made[name])

    assert outcome.result is Result.SENT
    assert http_sink.requests == []
    assert smtp_sink.accepted[0].recipients == ("admin@staging.example",)
    assert smtp_sink.accepted[0].text.splitlines()[0] == line


def test_to_a_phone_everything_goes_by_sms(smtp_sink: SmtpSink, http_sink: HttpSink) -> None:
    made = staging(smtp_sink, http_sink, "+251922334455")

    for name in ChannelName.EMAIL, ChannelName.SMS:
        try_once(made[name])

    assert smtp_sink.mails == []
    assert [request.json["to"] for request in http_sink.requests] == ["+251922334455"] * 2
    assert http_sink.requests[0].json["message"].startswith("[student ab…@e….et, by email]\n")


def test_a_person_who_is_unreachable_stays_unreachable(
    smtp_sink: SmtpSink, http_sink: HttpSink
) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")

    outcome = try_once(made[ChannelName.SMS], person=a_person(phone="0111234567"))

    assert (outcome.result, outcome.words) == (Result.FAILED, "landline")
    assert smtp_sink.mails == []


def test_a_channel_keeps_its_name(smtp_sink: SmtpSink, http_sink: HttpSink) -> None:
    made = staging(smtp_sink, http_sink, "admin@staging.example")

    assert {name: channel.name for name, channel in made.items()} == {name: name for name in made}


@pytest.mark.parametrize("address", ["nobody", "12", "0111234567", "a@b@c.et"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^OUTBOX: "):
        channels(outbox=f"redirect:{address}", channel_webhook="json://localhost/")


def test_an_address_that_no_channel_takes_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"^OUTBOX: .*CHANNEL_EMAIL"):
        channels(outbox="redirect:admin@staging.example", channel_webhook="json://localhost/")

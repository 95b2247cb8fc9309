"""An unusable URL of a channel stops the worker with one line that shows no secret."""

from urllib.parse import parse_qs

import pytest

from scheduler.settings import ChannelName, InvalidSetting
from tests.sinks.http import HttpSink
from tests.tasks.channels.attempt import a_letter, a_person, channels, try_once

SECRETS = ("hunter2", "s3cretkey")


@pytest.mark.parametrize(
    ("setting", "url", "says"),
    [
        ("channel_email", "hunter2", "is no URL"),
        ("channel_email", "https://hunter2@host/", "no Apprise URL"),
        ("channel_email", "nonsense://hunter2@host/", "Apprise knows no nonsense://"),
        ("channel_email", "mailto://u:hunter2@host?from=a@b.example", "to={email}"),
        ("channel_email", "mailto://u:hunter2@host?from=a@b.example&to=x@y.example", "to={email}"),
        ("channel_email", "mailto://u:hunter2@h?from=a@b.example&to={email},x@y.example", "cc="),
        (
            "channel_email",
            "mailto://u:hunter2@h?from=a@b.example&to={email}&cc={email}",
            "to= only",
        ),
        ("channel_email", "mailto://u:hunter2@h?from={email}&to={email}", "to= only"),
        ("channel_email", "mailto://u:hunter2@h?from=a@b.example&to={email}&pgp=sign", "pgp="),
        ("channel_email", "mailto://u:hunter2@h?from=nobody&to={email}&mode=odd", "mailto://"),
        ("channel_email", "mailtos://mail.example?to={email}", "add &from="),
        ("channel_sms", "atalk://user@s3cretkey/{mobile}", "{mobile} is no placeholder"),
        ("channel_sms", "atalk://s3cretkey", "atalk://"),
        ("channel_push", "syslog://hunter2", "cannot be used"),
        ("channel_push", "dbus://", "dbus://"),
        ("channel_push", "gnome://", "gnome://"),
        ("channel_push", "macosx://", "macosx://"),
        ("channel_push", "windows://", "windows://"),
        ("channel_push", "file:///etc/passwd", "file://"),
        ("channel_push", "exec://rm", "exec://"),
        ("channel_push", "mqtt://u:hunter2@host/topic", "mqtt://"),
        ("channel_push", "xmpp://u:hunter2@host/", "xmpp://"),
        ("channel_push", "rsyslog://host", "cannot be used"),
        ("channel_telegram", "tgram://s3cretkey/", "tgram://"),
        ("channel_webhook", "json://", "json://"),
        ("channel_webhook", "json://host/?:a={}", "{} is no placeholder"),
    ],
)
def test_an_unusable_url_names_its_setting_and_no_secret(setting: str, url: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        channels(**{setting: url})

    line = str(refused.value)
    assert line.startswith(f"{setting.upper()}: ")
    assert says in line
    assert "\n" not in line
    assert not any(secret in line for secret in SECRETS)


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("channel_email", "mailto://u:p@smtp.example:587?from=a@b.example&to={email}"),
        (
            "channel_email",
            "mailtos://u:p@smtp.example?from=Tools<a@b.example>&to={email}&reply=c@d.example",
        ),
        ("channel_email", "mailtos://me:p@gmail.com?to={email}"),
        ("channel_email", "sendgrid://apikey12345:a@b.example/{email}"),
        ("channel_sms", "mailto://u:p@smtp.example?from=a@b.example&to={phone}@gateway.example"),
        ("channel_sms", "atalk://user@apikey12345/{phone}?from=TUTOR"),
        (
            "channel_sms",
            "twilio://AC0123456789abcdef0123456789abcdef:0123456789abcdef0123456789abcdef@+15555555555/{phone}",
        ),
        ("channel_telegram", "tgram://123456789:abcdefg_hijklmnop/{telegram}/"),
        ("channel_telegram", "tgram://123456789:abcdefg_hijklmnop/-1001234567/"),
        ("channel_push", "ntfys://ntfy.example/lessons-{person_id}"),
        ("channel_push", "fcm://project@apikey123456/{push}"),
        (
            "channel_webhook",
            "jsons://site.example/hook?:person={person_id}&:key={key}&-role={role}",
        ),
        ("channel_webhook", "form://site.example/hook"),
    ],
)
def test_a_usable_url_is_taken(setting: str, url: str) -> None:
    assert len(channels(**{setting: url})) == 1


def test_without_channels_there_are_none() -> None:
    assert channels() == {}


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("Physics at 14:00 {}[]~^ é £", "0"),
        ("ፊዚክስ በ8:00", "2"),
        ("Physics at 14:00 ✓", "2"),
        ("Ünïversity", "2"),
    ],
)
def test_the_coding_is_what_the_text_needs(http_sink: HttpSink, text: str, coding: str) -> None:
    url = f"form://{http_sink.host}:{http_sink.port}/?:coding={{coding}}&:left={{minutes_left}}"

    try_once(
        channels(channel_sms=url)[ChannelName.SMS], a_letter(text=text, minutes_left=12), a_person()
    )

    [request] = http_sink.requests
    fields = parse_qs(request.body.decode())
    assert (fields["coding"], fields["left"]) == ([coding], ["12"])


def test_minutes_that_are_over_are_one(http_sink: HttpSink) -> None:
    url = f"form://{http_sink.host}:{http_sink.port}/?:left={{minutes_left}}"

    try_once(channels(channel_sms=url)[ChannelName.SMS], a_letter(minutes_left=0), a_person())

    assert parse_qs(http_sink.requests[0].body.decode())["left"] == ["1"]


def test_a_number_can_be_asked_for_in_three_forms(http_sink: HttpSink) -> None:
    fields = ":a={phone}&:b={msisdn}&:c={national}"
    url = f"json://{http_sink.host}:{http_sink.port}/?{fields}"

    try_once(channels(channel_sms=url)[ChannelName.SMS], person=a_person(phone="0911 22 33 44"))

    got = http_sink.requests[0].json
    assert (got["a"], got["b"], got["c"]) == ("+251911223344", "251911223344", "0911223344")

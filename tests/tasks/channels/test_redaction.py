"""A provider's words in the ledger: short, in one line, without private data."""

import pytest

from scheduler.settings import ChannelName
from tasks.channels.redaction import LONGEST, fit, masked_address, secrets_of
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.channels.attempt import a_person, channels, email_channel, try_once


@pytest.mark.parametrize(
    ("words", "fitting"),
    [
        ("550 5.1.1 <abebe@example.et>: no such user", "550 5.1.1 <…>: no such user"),
        ("rejected: abebe@example.et,sara@example.et", "rejected: …,…"),
        ("no route to +251911223344", "no route to …"),
        ("no route to 0911 22 33 44 today", "no route to … today"),
        (
            "no route to (011) 123-4567.",
            "no route to ….",
        ),
        (
            "see https://host.example/bot123:abc/send?token=1 please",
            "see https://host.example/… please",
        ),
        ("key 0123456789abcdef0123456789abcdef is bad", "key … is bad"),
        ("one\r\ntwo\ttabs\x00 end", "one two tabs end"),
        ("421 4.3.2 try again in 300 seconds", "421 4.3.2 try again in 300 seconds"),
        ("connect to 192.168.100.200 refused", "connect to 192.168.100.200 refused"),
        ("አልተሳካም 🎓", "አልተሳካም 🎓"),
        ("", ""),
    ],
)
def test_words_are_made_fit(words: str, fitting: str) -> None:
    assert fit(words) == fitting


def test_words_are_200_characters_at_most() -> None:
    assert len(fit("word " * 1000)) == LONGEST


def test_the_secrets_of_a_url_are_its_users_passwords_and_tokens() -> None:
    url = "tgram://123456:AbCdEfG/-100123/?token=p%40ss&from=desk"

    assert {"123456", "AbCdEfG", "-100123", "p@ss"} <= secrets_of(url)
    assert "tgram" not in secrets_of(url)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("mailto://me:secret@smtp.example.et:587?from=a@b.et&to={email}", {"me", "secret"}),
        ("atalk://app@k3y/{phone}?from=TUTOR&mode=sandbox", {"app", "k3y"}),
        ("jsons://example.et/worker/messages?:role={role}&+X-Key=k", {"{role}", "k"}),
        ("fcm://lessons/{push}?keyfile=/etc/key.json", {"/etc/key.json"}),
    ],
)
def test_hosts_and_plain_words_are_no_secrets(url: str, secrets: set[str]) -> None:
    assert secrets_of(url) == secrets


def test_what_a_mail_server_says_of_the_person_is_left_out(smtp_sink: SmtpSink) -> None:
    smtp_sink.reply("RCPT", "550 5.1.1 <abebe@example.et> Abebe@Example.ET unknown, sorry")

    words = try_once(email_channel(smtp_sink)).words

    assert words == "550 5.1.1 <…> … unknown, sorry"


def test_what_a_service_says_of_the_person_or_the_key_is_left_out(http_sink: HttpSink) -> None:
    said = b'{"error": "key hunter22 may not write to 0911-22-33-44 of abebe@example.et"}'
    http_sink.answer(Answer(status=403, body=said))
    url = f"json://user:hunter22@{http_sink.host}:{http_sink.port}/?:to={{phone}}&:mail={{email}}"

    outcome = try_once(channels(channel_push=url)[ChannelName.PUSH], person=a_person())

    assert outcome.words.startswith("403 Forbidden: key … may not write to … of … (check")


def test_a_key_that_reads_like_a_plain_word_is_left_out(
    http_sink: HttpSink, internet: None
) -> None:
    http_sink.answer(Answer(status=401, body=b'{"message": "no such key: correcthorse"}'))
    url = "mailgun://desk@school.example/correcthorse/{email}"

    words = try_once(channels(channel_email=url)[ChannelName.EMAIL]).words

    assert words.startswith("401 Unauthorized: no such key: … (check")


def test_a_page_of_html_is_not_quoted(http_sink: HttpSink) -> None:
    http_sink.answer(Answer(status=502, body=b"<html><body>Bad gateway</body></html>"))
    url = f"json://{http_sink.host}:{http_sink.port}/"

    assert try_once(channels(channel_push=url)[ChannelName.PUSH]).words == "502 Bad Gateway"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("abebe@example.et", "ab…@e….et"),
        ("a@example.et", "a…@e….et"),
        ("abebe@mail.example.co.et", "ab…@m….et"),
        ("+251911223344", "+251…44"),
        ("42", "…"),
        ("", "…"),
    ],
)
def test_an_address_is_masked_so_that_its_owner_knows_it(address: str, masked: str) -> None:
    assert masked_address(address) == masked

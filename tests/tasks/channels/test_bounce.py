"""Bounces as seven mail systems write them, and mails that are none."""

import random
from pathlib import Path

import pytest

from tasks.channels.mail.bounce import Refusal, read_bounce

SAMPLES = Path(__file__).parent / "bounces"
KEY = "b7c1d2e4-5a60-4f3b-9d18-0e2a6c94f70"
GONE = "gone@mail.example"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


@pytest.mark.parametrize(
    ("name", "key", "refusals"),
    [
        ("postfix-two", "1", [("full@mail.example", "5.2.2"), (GONE, "5.1.1")]),
        ("sendmail-nobody", "2", [("old@school.example", "5.1.1")]),
        ("courier-nobody", "3", [(GONE, "5.1.1")]),
        ("exim-nobody", "4", [(GONE, "5.1.1")]),
        ("dma-nobody", "5", [(GONE, "5.1.1")]),
        ("opensmtpd-nobody", "6", [(GONE, "5.1.1")]),
        (
            "nullmailer-copy", "7",
            [("person@mail.example", "5.1.1"), ("archive@school.example", "5.1.1")],
        ),
        ("postfix-delayed", "1", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_each_mail_systems_bounce_names_its_mail_and_whom_it_did_not_reach(
    name: str, key: str, refusals: list[tuple[str, str]], ends: bytes
) -> None:
    found = read_bounce(sample(name).replace(b"\n", ends))

    assert found is not None
    assert found.keys == [KEY + key]
    assert found.refusals == [Refusal(*each) for each in refusals]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b"Diagnostic-Code: smtp; 550 5.1.1 no such user", b"", None),
        (b"550 5.1.1 no such user", b"550 no such user", None),
        (b"Status: 5.0.0", b"Status: 4.4.1", "4.4.1"),
    ],
)
def test_a_code_is_never_guessed(before: bytes, after: bytes, code: str | None) -> None:
    found = read_bounce(sample("exim-nobody").replace(before, after))

    assert found is not None
    assert [each.code for each in found.refusals] == [code]


@pytest.mark.parametrize(
    "name", ["postfix-two", "exim-nobody", "sendmail-nobody", "courier-nobody"]
)
def test_a_report_of_an_internationalized_mail_is_read_alike(name: str) -> None:
    """RFC 6533: the same blocks under another type, which Python's parser takes for a mail."""
    raw = sample(name).replace(b"message/delivery-status", b"message/global-delivery-status")

    assert b"global" in raw
    assert read_bounce(raw) == read_bounce(sample(name))


def test_the_address_before_an_alias_is_the_persons() -> None:
    raw = sample("postfix-two").replace(
        b"Original-Recipient: rfc822;gone@mail.example",
        b"Original-Recipient: rfc822;alias@school.example",
    )
    found = read_bounce(raw)

    assert found is not None
    assert found.refusals[1].recipient == "alias@school.example"


@pytest.mark.parametrize(
    "raw",
    [
        sample("dovecot-away"),
        b"",
        b"\0\xff" * 50,
        b"From: MAILER-DAEMON <>\n\nThere was no error.\n",
        b"From: person@mail.example\n\nThere was an error delivering your mail to <a@b.example>.\n",
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nAction: failed\n",
    ],
)
def test_what_is_no_bounce_is_none(raw: bytes) -> None:
    assert read_bounce(raw) is None


def test_a_bounce_cut_or_broken_anywhere_does_no_harm() -> None:
    chance = random.Random(7)
    for path in sorted(SAMPLES.glob("*.eml")):
        raw = path.read_bytes()
        for _ in range(40):
            cut = bytearray(raw[: chance.randrange(len(raw))])
            for _ in range(chance.randrange(20)):
                if cut:
                    cut[chance.randrange(len(cut))] = chance.randrange(256)
            read_bounce(bytes(cut))

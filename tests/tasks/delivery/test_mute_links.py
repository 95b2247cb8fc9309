"""MUTE_URL: the link and the headers by which a person stops their messages."""

import base64
import re
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from scheduler.settings import InvalidSetting, load_settings
from tasks.admin.explain import explain_session
from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

URL = "https://site.example/stop/{key}"
SARA = "sara@tutoring.example"
LINK = re.compile(r"https://site\.example/stop/([A-Za-z0-9]{12})\b")


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day(mute_url=URL)


def a_day_of(conn: Connection, **columns: Any) -> int:
    """Sara's alarm at 13:45 for a lesson at 14:00, and one at 15:45; her profile."""
    student = a_student(conn, email=SARA)
    for start in ("14:00", "16:00"):
        a_session(conn, student_id=student, start_time=start, end_time=None, alarm_enabled=True,
                  **columns)  # fmt: skip
    return student


def call(conn: Connection, function: str, key: str) -> object:
    found = conn.scalar(text(f"SELECT session_worker.{function}(:key)"), {"key": key})
    conn.commit()
    return found


def key_of(mail: str) -> str:
    [key] = set(LINK.findall(mail))
    return str(key)


def test_a_mail_has_the_link_in_its_words_and_in_its_headers(
    day: LessonDay, conn: Connection
) -> None:
    a_day_of(conn)
    day.at("13:45")

    [mail] = day.mails_to(SARA)
    link = f"https://site.example/stop/{key_of(mail.text)}"
    assert mail.message["List-Unsubscribe"] == f"<{link}>"
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [html] = [part for part in mail.message.walk() if part.get_content_type() == "text/html"]
    assert f'href="{link}"' in html.get_content()


def test_without_the_setting_there_is_neither(make_day: MakeDay, conn: Connection) -> None:
    a_day_of(conn)
    day = make_day()
    day.at("13:45")

    [mail] = day.mails_to(SARA)
    assert mail.message["List-Unsubscribe"] is None
    assert mail.message["List-Unsubscribe-Post"] is None
    assert day.read("SELECT * FROM session_worker.mute_link") == []


def test_a_relay_that_signs_both_headers_is_verified_and_a_change_of_either_is_seen(
    day: LessonDay, conn: Connection
) -> None:
    """RFC 8058, 4: both must be in the signed headers; most signers' lists lack the second."""
    a_day_of(conn)
    day.at("13:45")
    [mail] = day.mails_to(SARA)
    raw, both = mail.message.as_bytes(), [b"list-unsubscribe", b"list-unsubscribe-post"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, Public.SubjectPublicKeyInfo)

    def record(*_: object, **__: object) -> bytes:
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    names = [b"from", b"to", b"subject", b"date", b"message-id", *both]
    signed = dkim.sign(raw, b"relay", b"tutoring.example", private, include_headers=names) + raw

    assert dkim.verify(signed, dnsfunc=record)
    for old, new in ((b"site.example", b"evil.example"), (b"=One-Click", b"=Two-Clicks")):
        head, _, body = signed.partition(b"\n\n")
        assert not dkim.verify(head.replace(old, new) + b"\n\n" + body, dnsfunc=record)  # fmt: skip


def test_opening_the_link_changes_nothing_and_confirming_it_stops_messages(
    day: LessonDay, conn: Connection
) -> None:
    """The worker has no page behind the link: the site calls the function, by POST alone."""
    a_day_of(conn)
    day.at("13:45")
    key = key_of(day.mails_to(SARA)[0].text)
    assert day.read("SELECT * FROM session_worker.preference") == []

    assert [call(conn, "mute", key) for _ in range(3)] == [True] * 3
    day.at("15:45")

    assert len(day.mails_to(SARA)) == 1
    rows = day.read("SELECT state, reason FROM session_worker.delivery ORDER BY starts_at")
    assert [(row.state, row.reason) for row in rows] == [("sent", None), ("unreachable", "muted")]
    assert len(day.read("SELECT * FROM session_worker.preference")) == 1


def test_a_preference_for_one_kind_is_muted_as_well(day: LessonDay, conn: Connection) -> None:
    a_day_of(conn)
    conn.execute(
        text("INSERT INTO session_worker.preference (person_id, kind, language)"
             " SELECT user_id, 'alarm', 'en' FROM student_profiles")
    )  # fmt: skip
    day.at("13:45")
    call(conn, "mute", key_of(day.mails_to(SARA)[0].text))
    day.at("15:45")

    assert len(day.mails_to(SARA)) == 1


def test_the_sites_preferences_bring_messages_back(day: LessonDay, conn: Connection) -> None:
    a_day_of(conn)
    day.at("13:45")
    call(conn, "mute", key_of(day.mails_to(SARA)[0].text))
    day.write("UPDATE session_worker.preference SET muted = false")
    day.at("15:45")

    first, second = day.mails_to(SARA)
    assert key_of(first.text) == key_of(second.text)


def test_the_link_of_somebody_without_an_account_works_too(
    day: LessonDay, conn: Connection
) -> None:
    user, tutor, session = a_user(conn), a_tutor(conn), 0
    student = a_student(conn, user_id=user)
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, contact_email=SARA)
    day.write("ALTER TABLE student_profiles DROP CONSTRAINT student_profiles_user_id_fkey")
    day.write("DELETE FROM users WHERE id = :id", id=user)
    for start in ("14:00", "16:00", "18:00"):
        session = a_session(conn, student_id=student, tutor_id=tutor, start_time=start,
                            end_time=None, alarm_enabled=True)  # fmt: skip
    day.at("13:45")
    key = key_of(day.mails_to(SARA)[0].text)

    assert call(conn, "mute", key) is True
    day.at("15:45")
    explained = explain_session(day.tools.settings, wall("15:50"), session)
    [told] = [each for each in explained.people if each.role == "student"]
    assert any("muted" in event.detail for event in told.story)
    assert call(conn, "unmute", key) is True
    day.at("17:45")

    assert len(day.mails_to(SARA)) == 2


def test_everybody_has_a_key_of_their_own(day: LessonDay, conn: Connection) -> None:
    a_session(conn, alarm_enabled=True, notification_enabled=True)
    day.at("13:45")

    rows = day.read("SELECT recipient, key FROM session_worker.mute_link")
    assert len({row.key for row in rows}) == len(rows) == 2


@pytest.mark.parametrize("function", ["mute", "unmute"])
def test_a_key_that_is_none_changes_nothing(conn: Connection, function: str) -> None:
    assert call(conn, function, "000000000000") is False
    assert conn.scalar(text("SELECT count(*) FROM session_worker.preference")) == 0


@pytest.mark.parametrize("function", ["mute", "unmute"])
def test_nobody_may_call_it_without_a_grant(conn: Connection, function: str) -> None:
    conn.execute(text("CREATE ROLE stranger"))
    conn.execute(text("GRANT USAGE ON SCHEMA session_worker TO stranger"))
    conn.execute(text("SET LOCAL ROLE stranger"))

    with pytest.raises(ProgrammingError, match="permission denied for function"):
        conn.execute(text(f"SELECT session_worker.{function}('a')"))
    conn.rollback()


@pytest.mark.parametrize("url", [
    "https://site.example/stop", "http://site.example/{key}", "site.example/{key}",
    "https://site.example/{key}/{key}", "https://site.example/{key} now",
    "https://site.example/{key}\nBcc: x@y.example", "https://ጣቢያ.example/{key}",
    "https://site.example/<{key}>",
])  # fmt: skip
def test_a_link_that_a_mail_program_would_not_call_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^MUTE_URL: .* is no https URL with"):
        load_settings(_env_file=None, mute_url=url)

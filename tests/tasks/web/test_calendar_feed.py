"""Calendar feeds: what is in them, as calendar libraries read it; ETags; tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
import vobject  # type: ignore[import-untyped]  # it has no types
from sqlalchemy import Connection, text

from scheduler.ledger.feed_tokens import make_token, revoke_token, tokens_of
from scheduler.settings import Settings
from tasks.web.feeds import Feeds
from tests.builders import a_parent, a_session, a_student, a_tutor
from tests.command_line import Commands
from tests.scheduler.ledger.rows import a_delivery
from tests.tasks.web.conftest import Browser

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)


@pytest.fixture
def feeds(settings: Settings) -> Any:
    made = Feeds(settings, fresh_seconds=0)
    yield made
    made.dispose()


def user_of(conn: Connection, table: str, profile: int) -> int:
    return int(conn.scalar(text(f"SELECT user_id FROM {table} WHERE id = {profile}")) or 0)


def a_pair(conn: Connection) -> tuple[int, int, int]:
    """A tutor's and a student's profile, and the tutor's users.id."""
    tutor = a_tutor(conn, first_name="Hana")
    return tutor, a_student(conn, first_name="Sara"), user_of(conn, "tutor_profiles", tutor)


def content(conn: Connection, feeds: Feeds, person: int, known: str = "") -> bytes:
    token = make_token(conn, person)
    conn.commit()
    found = feeds.read(token, known)
    assert found is not None
    assert found.content is not None
    return found.content


def entries(found: bytes) -> dict[str, Any]:
    """Subject → entry, as icalendar reads it."""
    calendar = icalendar.Calendar.from_ical(found)
    return {str(event["summary"]).partition(" –")[0]: event for event in calendar.walk("VEVENT")}


def test_a_feed_has_a_year_back_and_the_horizon_ahead_and_cancelled_ones(
    conn: Connection, feeds: Feeds
) -> None:
    tutor, student, user = a_pair(conn)
    people = {"tutor_id": tutor, "student_id": student}
    for subject, days, status in (
        ("Too old", -400, "completed"), ("Old", -360, "completed"), ("Today", 0, "scheduled"),
        ("Off", 3, "Canceled"), ("Far", 84, "scheduled"), ("Too far", 90, "scheduled"),
    ):  # fmt: skip
        a_session(conn, subject=subject, session_date=TODAY + days * DAY, status=status, **people)
    a_session(conn, subject="Another's")

    found = entries(content(conn, feeds, user))

    assert {name: str(event["status"]) for name, event in found.items()} == {
        "Old": "CONFIRMED", "Today": "CONFIRMED", "Off": "CANCELLED", "Far": "CONFIRMED",
    }  # fmt: skip
    starts = found["Far"].start
    assert starts.date() == TODAY + 84 * DAY
    assert starts.utcoffset() == timedelta(hours=3)


def test_two_libraries_read_the_same_times(conn: Connection, feeds: Feeds) -> None:
    tutor, student, user = a_pair(conn)
    a_session(conn, tutor_id=tutor, student_id=student, session_date=TODAY)

    found = content(conn, feeds, user)
    [event] = vobject.readOne(found.decode()).vevent_list

    assert event.dtstart.value == entries(found)["Mathematics"].start
    assert event.summary.value == "Mathematics – Sara Kebede"
    assert b"METHOD:PUBLISH" in found
    assert all(len(line) <= 75 for line in found.split(b"\r\n"))


def test_an_entry_has_the_uid_and_the_sequence_of_the_mailed_one(
    conn: Connection, feeds: Feeds
) -> None:
    tutor, student, user = a_pair(conn)
    mailed = a_session(conn, tutor_id=tutor, student_id=student, session_date=TODAY)
    other = a_session(conn, tutor_id=tutor, student_id=student, subject="New",
                      session_date=TODAY + DAY)  # fmt: skip
    a_delivery(conn, session_id=mailed, recipient=f"user:{user}", person_id=user, state="sent",
               told={"entry": "99", "sequence": 77}, sent_at=datetime.now(UTC))  # fmt: skip

    found = entries(content(conn, feeds, user))

    first, new = found["Mathematics"], found["New"]
    assert (first["uid"], first["sequence"]) == ("session-99@session-worker.invalid", 77)
    assert (new["uid"], new["sequence"]) == (f"session-{other}@session-worker.invalid", 0)


def test_a_parents_feed_has_the_childrens_sessions(conn: Connection, feeds: Feeds) -> None:
    parent = a_parent(conn)
    children = [a_student(conn, first_name=name, parent_id=[parent]) for name in ("Sara", "Dawit")]
    conn.execute(text("ALTER TABLE parent_profiles ADD children_ids integer[]"))
    conn.execute(text("UPDATE parent_profiles SET children_ids = :ids"), {"ids": children})
    for child in children:
        a_session(conn, student_id=child, session_date=TODAY, subject=f"Of {child}")
    a_session(conn, session_date=TODAY, subject="Another's")

    found = entries(content(conn, feeds, user_of(conn, "parent_profiles", parent)))

    assert {*found} == {f"Of {child}" for child in children}


def test_nobody_without_sessions_gets_an_error(conn: Connection, feeds: Feeds) -> None:
    _, _, user = a_pair(conn)

    assert entries(content(conn, feeds, user)) == {}


@pytest.mark.parametrize("change", [
    "UPDATE tutor_sessions SET topic = 'Roots'",
    "UPDATE tutor_sessions SET status = 'cancelled'",
    "DELETE FROM tutor_sessions",
    "UPDATE users SET first_name = 'Mulu'",
    "UPDATE session_worker.preference SET language = 'am'",
])  # fmt: skip
def test_an_etag_holds_until_something_changes(conn: Connection, feeds: Feeds, change: str) -> None:
    tutor, student, user = a_pair(conn)
    a_session(conn, tutor_id=tutor, student_id=student, session_date=TODAY, subject="")
    conn.execute(text(f"INSERT INTO session_worker.preference (person_id) VALUES ({user})"))
    token = make_token(conn, user)
    conn.commit()
    first = feeds.read(token, "")
    assert first is not None
    same = feeds.read(token, f'"x", {first.etag}')
    conn.execute(text(change))
    conn.commit()
    later = feeds.read(token, first.etag)

    assert same is not None
    assert same.content is None
    assert later is not None
    assert later.content is not None
    assert later.content != first.content


def test_all_feeds_are_compared_at_once_and_a_new_one_at_once(
    conn: Connection, settings: Settings
) -> None:
    feeds = Feeds(settings, fresh_seconds=3600)
    tutor, student, user = a_pair(conn)
    a_session(conn, tutor_id=tutor, student_id=student, session_date=TODAY)
    other = user_of(conn, "student_profiles", student)
    tokens = [make_token(conn, person) for person in (user, other)]
    conn.commit()
    first = [feeds.read(token, "") for token in tokens]
    conn.execute(text("UPDATE tutor_sessions SET topic = 'Roots'"))
    late = make_token(conn, user_of(conn, "tutor_profiles", a_tutor(conn)))
    conn.commit()
    within = [feeds.read(token, "") for token in tokens]
    new = feeds.read(late, "")
    feeds.fresh_seconds = 0
    after = [feeds.read(token, "") for token in tokens]
    feeds.dispose()

    assert within == first
    assert new is not None
    assert all(b"Roots" in one.content for one in after if one and one.content)
    assert [one and one.etag for one in after] != [one and one.etag for one in first]


def test_the_page_serves_it_without_the_admins_token_and_not_after_it_was_revoked(
    conn: Connection, browser: Browser
) -> None:
    _, _, user = a_pair(conn)
    token = make_token(conn, user)
    path = f"/calendar/{token}.ics"

    first = browser.get(path)
    same = browser.get(path, headers={"If-None-Match": first.headers["etag"]})
    [known] = tokens_of(conn, user)
    revoke_token(conn, user, known.id)
    gone = browser.get(path)

    assert (first.status_code, same.status_code, gone.status_code) == (200, 304, 404)
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert same.content == b""
    assert known.used_at is not None
    assert browser.get("/calendar/none.ics").status_code == 404
    stored = conn.scalar(text("SELECT string_agg(f::text, '') FROM session_worker.feed_token f"))
    assert token not in stored


def test_the_command_makes_lists_and_revokes(conn: Connection, database: str) -> None:
    commands = Commands(conn, database)
    _, _, user = a_pair(conn)
    made = commands.run("feed", str(user), "--make")
    document = commands.document("feed", str(user))
    revoked = commands.run("feed", str(user), "--revoke", str(document["tokens"][0]["id"]))

    assert made.stdout.splitlines()[-1].startswith("/calendar/")
    assert (document["token"], len(document["tokens"])) == (None, 1)
    assert "revoked" in revoked.stdout
    assert commands.run("feed", "4711", "--make").exit_code == 2
    assert commands.run("feed", str(user), "--revoke", "4711").exit_code == 2

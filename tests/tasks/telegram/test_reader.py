"""The bot's updates: chats are linked by invitations, alarms answered by their buttons."""

import io
import json
import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from scheduler.doctor import Finding, examine_database
from scheduler.ledger.personal_data import export, forget
from scheduler.reminders.telegram_chats import take_reading_turn
from tasks import planning
from tasks.telegram import reader
from tasks.telegram.bot import bot_of
from tasks.telegram.reader import LEASE, read_once
from tests.builders import a_session, a_student, a_user
from tests.eventually import eventually
from tests.scheduler.ledger.rows import a_delivery
from tests.sinks.bot_api import TOKEN, BotApi, refusal
from tests.sinks.http import Answer
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

CHAT, OTHER_CHAT, GROUP = 424242, 515151, -1007
NEVER = timedelta(0)
FAR = datetime.fromisoformat("2099-01-01T00:00:00Z")


@pytest.fixture
def day(make_day: MakeDay, api: BotApi) -> LessonDay:
    return make_day(channel_telegram=f"tgram://{TOKEN}/{{telegram}}/")


@pytest.fixture
def sara(conn: Connection) -> int:
    """A person (users.id) whom no channel but Telegram could reach."""
    return a_user(conn, first_name="Sara", email=None, phone=None)


def invited(day: LessonDay, person: int) -> str:
    [(word,)] = day.read(f"SELECT session_worker.telegram_invite({person})")
    return str(word)


def read(day: LessonDay, holder: UUID | None = None, wait: timedelta = NEVER) -> bool:
    """One reading by a reader of its own, whose turn ends with it."""
    day.conn.commit()
    bot = bot_of(day.tools.settings)
    assert bot is not None
    going_on = read_once(day.tools.engine, day.tools.settings, bot, holder or uuid4(), wait)
    if holder is None:
        day.write("UPDATE session_worker.telegram_reader SET lease_until = NULL")
    return going_on


def link(day: LessonDay, api: BotApi, person: int, chat: int = CHAT) -> None:
    api.write(chat, f"/start {invited(day, person)}")
    read(day)


def chats(day: LessonDay) -> dict[int, int]:
    return dict(day.read("SELECT person, chat FROM session_worker.telegram_chat"))  # type: ignore[arg-type]


def an_alarm_for(day: LessonDay, person: int, **session: Any) -> int:
    student = a_student(day.conn, user_id=person)
    return a_session(day.conn, student_id=student, alarm_enabled=True, **session)


def test_an_invitation_links_the_chat_and_says_so(day: LessonDay, api: BotApi, sara: int) -> None:
    link(day, api, sara)

    assert chats(day) == {sara: CHAT}
    [said] = api.texts_to(CHAT)
    assert "come here now" in said


def test_an_invitation_serves_once_and_for_ten_minutes(
    day: LessonDay, api: BotApi, sara: int, conn: Connection
) -> None:
    word, late = invited(day, sara), invited(day, a_user(conn))
    day.write(
        "UPDATE session_worker.telegram_invite SET expires_at = expires_at - interval '10 min'"
        " WHERE person <> :person",
        person=sara,
    )
    for chat, each in ((CHAT, word), (OTHER_CHAT, word), (OTHER_CHAT, late), (OTHER_CHAT, "x")):
        api.write(chat, f"/start {each}")
    read(day)

    assert chats(day) == {sara: CHAT}
    assert [said[:25] for said in api.texts_to(OTHER_CHAT)] == ["This link is no longer va"] * 3


def test_a_newer_invitation_ends_the_older_one(day: LessonDay, api: BotApi, sara: int) -> None:
    older, _ = invited(day, sara), invited(day, sara)
    api.write(CHAT, f"/start {older}")
    read(day)

    assert chats(day) == {}


def test_the_bot_answers_in_the_persons_language(day: LessonDay, api: BotApi, sara: int) -> None:
    day.write(
        "INSERT INTO session_worker.preference (person_id, language) VALUES (:person, 'oromo')",
        person=sara,
    )
    link(day, api, sara)

    assert api.texts_to(CHAT)[0].startswith("Ergaan waa'ee barnootaa")


def test_an_alarm_goes_to_the_linked_chat_with_two_buttons(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    an_alarm_for(day, sara)
    link(day, api, sara)

    day.at("13:45")

    [row] = day.read("SELECT id, state, channel, source FROM session_worker.delivery")
    assert (row.state, row.channel, row.source) == ("sent", "telegram", "telegram")
    buttons = api.sent[-1]["reply_markup"]["inline_keyboard"]
    assert [(each["text"], each["callback_data"]) for (each,) in buttons] == [
        ("I have seen it", f"seen:{row.id}"),
        ("Again in 5 minutes", f"snooze:{row.id}:5"),
    ]


def test_an_address_that_the_site_wrote_has_no_buttons_that_nobody_reads(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    an_alarm_for(day, sara)
    day.write(
        "INSERT INTO session_worker.preference (person_id, addresses)"
        " VALUES (:person, CAST(:addresses AS jsonb))",
        person=sara,
        addresses=json.dumps({"telegram": str(OTHER_CHAT)}),
    )
    link(day, api, sara)

    day.at("13:45")

    [row] = day.read("SELECT source FROM session_worker.delivery")
    assert (row.source, api.sent[-1]["chat_id"]) == ("preference", OTHER_CHAT)
    assert "reply_markup" not in api.sent[-1]


def test_a_beat_begins_to_read_where_the_bot_is_used(
    day: LessonDay, api: BotApi, sara: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (planning, reader):
        monkeypatch.setattr(module, "worker_engine", lambda: day.tools.engine)
        monkeypatch.setattr(module, "worker_settings", lambda: day.tools.settings)
    monkeypatch.setattr(reader, "LONGEST_SECONDS", 0.5)
    monkeypatch.setattr(reader, "WAIT", NEVER)
    day.conn.commit()

    planning.read_chats()
    assert api.requests == []

    api.write(CHAT, f"/start {invited(day, sara)}")
    planning.read_chats()
    eventually(lambda: api.texts_to(CHAT))
    eventually(lambda: not reader.UNDER_WAY.locked())
    assert chats(day) == {sara: CHAT}


def test_before_anybody_is_invited_the_bot_is_left_to_the_site(day: LessonDay, api: BotApi) -> None:
    assert not read(day)
    assert api.requests == []


def pressed(day: LessonDay, api: BotApi, data: str, chat: int = CHAT) -> str:
    api.press(chat, data)
    read(day)
    return str(api.toasts[-1]["text"])


def test_a_press_acknowledges(day: LessonDay, api: BotApi, sara: int, conn: Connection) -> None:
    link(day, api, sara)
    alarm = a_delivery(conn, kind="alarm", state="sent", person_id=sara, starts_at=FAR)

    assert pressed(day, api, f"seen:{alarm}") == "Noted."
    [row] = day.read("SELECT acknowledged_at FROM session_worker.delivery")
    assert row.acknowledged_at is not None


def test_a_press_snoozes(day: LessonDay, api: BotApi, sara: int, conn: Connection) -> None:
    link(day, api, sara)
    alarm = a_delivery(conn, kind="alarm", state="sent", person_id=sara, starts_at=FAR)

    assert pressed(day, api, f"snooze:{alarm}:5") == "I will tell you again in 5 minutes."
    [_, again] = day.read(
        "SELECT revision, due_at - clock_timestamp() AS wait FROM session_worker.delivery"
        " ORDER BY revision"
    )
    assert again.revision == 1
    assert timedelta(minutes=4) < again.wait <= timedelta(minutes=5)


def test_a_snooze_beyond_the_start_is_refused_in_words(
    day: LessonDay, api: BotApi, sara: int, conn: Connection
) -> None:
    link(day, api, sara)
    [(soon,)] = day.read("SELECT clock_timestamp() + interval '2 minutes'")
    alarm = a_delivery(conn, kind="alarm", state="sent", person_id=sara, starts_at=soon)

    assert pressed(day, api, f"snooze:{alarm}:5") == "It begins before that."


@pytest.mark.parametrize("stranger", [OTHER_CHAT, GROUP])
def test_a_press_in_another_chat_changes_nothing(
    day: LessonDay, api: BotApi, sara: int, conn: Connection, stranger: int
) -> None:
    link(day, api, sara)
    alarm = a_delivery(conn, kind="alarm", state="sent", person_id=sara, starts_at=FAR)

    assert pressed(day, api, f"seen:{alarm}", stranger) == "This message was not for you."
    [row] = day.read("SELECT acknowledged_at FROM session_worker.delivery")
    assert row.acknowledged_at is None


ODD: list[dict[str, Any]] = [
    {},
    {"message": {}},
    {"message": {"chat": {"id": "42"}, "text": "/stop"}},
    {"message": {"chat": {"id": CHAT}, "text": "/starting x"}},
    {"message": {"chat": {"id": CHAT}, "text": "hello\n/stop"}},
    {"message": {"chat": {"id": CHAT}, "photo": []}},
    {"callback_query": {"id": "1", "data": "seen:1; DROP", "message": {"chat": {"id": CHAT}}}},
    {"callback_query": {"id": "1", "data": "snooze:1:500", "message": {"chat": {"id": CHAT}}}},
    {"callback_query": {"id": "1", "data": "seen:1"}},
    {"my_chat_member": {"chat": {"id": CHAT}}},
    {"edited_channel_post": [1]},
]


def test_odd_updates_are_read_and_passed_over(day: LessonDay, api: BotApi, sara: int) -> None:
    link(day, api, sara)
    for each in ODD:
        api.update(**each)
    said, number = len(api.sent), api.number

    assert read(day)
    assert (chats(day), len(api.sent), api.toasts) == ({sara: CHAT}, said, [])
    assert [*day.read("SELECT read_to FROM session_worker.telegram_reader")] == [(number,)]


def test_stop_unlinks_the_chat_from_all_its_people(
    day: LessonDay, api: BotApi, sara: int, conn: Connection
) -> None:
    brother = a_user(conn)
    for person in (sara, brother):
        link(day, api, person)
    assert chats(day) == {sara: CHAT, brother: CHAT}

    api.write(CHAT, "/stop")
    read(day)

    assert chats(day) == {}
    assert api.texts_to(CHAT)[-1].startswith("No more messages come here")


def test_a_blocked_bot_is_unreachable_until_it_is_started_again(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    an_alarm_for(day, sara)
    an_alarm_for_later = "UPDATE tutor_sessions SET start_time = :at, end_time = NULL"
    link(day, api, sara)
    api.block(CHAT)
    day.at("13:45")
    [first] = day.read("SELECT state FROM session_worker.delivery")
    assert first.state != "sent"

    day.write(an_alarm_for_later, at="16:00")
    day.at("15:45")
    [_, second] = day.read("SELECT state, reason FROM session_worker.delivery ORDER BY id")
    assert (second.state, second.reason) == ("unreachable", "no_email, dead_address")
    asked = len(api.requests)

    api.blocked.clear()
    api.write(CHAT, "/start")
    read(day)
    assert len(api.requests) > asked
    day.write(an_alarm_for_later, at="18:00")
    day.at("17:45")
    [third] = day.read("SELECT state FROM session_worker.delivery ORDER BY id DESC LIMIT 1")
    assert third.state == "sent"


def test_a_bot_that_is_let_in_again_writes_again(day: LessonDay, api: BotApi, sara: int) -> None:
    an_alarm_for(day, sara)
    link(day, api, sara)
    api.block(CHAT)
    day.at("13:45")
    assert [*day.read("SELECT count(*) FROM session_worker.dead_address")] == [(1,)]

    api.unblock(CHAT)
    read(day)

    dead = "SELECT count(*) FROM session_worker.dead_address WHERE revived_at IS NULL"
    assert [*day.read(dead)] == [(0,)]


def test_a_group_with_a_new_id_gets_the_message_there_at_once(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    an_alarm_for(day, sara)
    link(day, api, sara, chat=GROUP)
    api.upgrade(GROUP, -100_424242, told=False)

    day.at("13:45")

    assert [each["chat_id"] for each in api.sent if "reply_markup" in each] == [-100_424242]
    assert chats(day) == {sara: -100_424242}
    [row] = day.read("SELECT state, attempts FROM session_worker.delivery")
    assert (row.state, row.attempts) == ("sent", 1)


def test_a_group_that_tells_its_new_id_is_followed(day: LessonDay, api: BotApi, sara: int) -> None:
    link(day, api, sara, chat=GROUP)
    day.write(
        "INSERT INTO session_worker.preference (person_id, addresses)"
        " VALUES (99, jsonb_build_object('telegram', CAST(:chat AS text), 'push', 'x'))",
        chat=str(GROUP),
    )
    api.upgrade(GROUP, -100_424242, told=True)
    read(day)

    assert chats(day) == {sara: -100_424242}
    [row] = day.read("SELECT addresses FROM session_worker.preference")
    assert row.addresses == {"telegram": "-100424242", "push": "x"}


def test_of_two_readers_one_reads(day: LessonDay, api: BotApi, sara: int) -> None:
    link(day, api, sara)
    other = uuid4()
    with day.tools.engine.begin() as conn:
        assert take_reading_turn(conn, other, 123456789, LEASE) is not None
    asked = len(api.offsets)

    assert not read(day, uuid4())
    assert len(api.offsets) == asked


def test_a_reader_whose_turn_lapsed_during_its_poll_changes_nothing(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    link(day, api, sara)
    polling = threading.Thread(target=read, args=(day, uuid4(), timedelta(seconds=30)))
    asked = len(api.offsets)
    polling.start()
    eventually(lambda: len(api.offsets) > asked)
    with day.tools.engine.begin() as conn:
        conn.execute(text("UPDATE session_worker.telegram_reader SET holder = :x"), {"x": uuid4()})
    api.write(CHAT, "/stop")
    polling.join(60)

    assert chats(day) == {sara: CHAT}
    read_later = "UPDATE session_worker.telegram_reader SET lease_until = NULL"
    day.write(read_later)
    read(day)
    assert chats(day) == {}


def test_updates_are_confirmed_only_after_they_are_committed(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    link(day, api, sara)
    first = api.number
    api.write(CHAT, "hello")
    read(day)
    read(day)

    assert api.offsets == [1, first + 1, first + 2]


def test_after_a_week_of_silence_numbers_may_begin_anywhere(
    day: LessonDay, api: BotApi, sara: int
) -> None:
    link(day, api, sara)
    day.write("UPDATE session_worker.telegram_reader SET read_at = read_at - interval '7 days'")
    read(day)

    assert api.offsets[-1] == 1


def doubts(day: LessonDay) -> list[Finding]:
    found = examine_database(day.conn, day.tools.settings, wall("13:45"))
    return [each for each in found if each.code == "telegram_updates"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(409, "Conflict: can't use getUpdates while webhook is active"), "409 Conflict"),
        (refusal(401, f"Unauthorized {TOKEN}"), "401 Unauthorized"),
        (Answer(status=502, body=b"<html>"), "JSONDecodeError"),
    ],
)
def test_trouble_is_told_without_the_token(
    day: LessonDay, api: BotApi, sara: int, answer: Answer, words: str,
    log: io.StringIO,
) -> None:  # fmt: skip
    link(day, api, sara)
    api.answer(answer)

    assert not read(day)
    [(trouble,)] = day.read("SELECT trouble FROM session_worker.telegram_reader")
    assert words in trouble
    assert TOKEN not in log.getvalue() + trouble
    assert TOKEN.partition(":")[2] not in log.getvalue() + trouble + repr(
        bot_of(day.tools.settings)
    )

    assert [trouble in each.detail for each in doubts(day)] == [True]

    api.script.clear()
    read(day)
    assert doubts(day) == []
    assert [*day.read("SELECT trouble FROM session_worker.telegram_reader")] == [(None,)]


def test_a_person_is_exported_and_forgotten_with_their_chat(
    day: LessonDay, api: BotApi, sara: int, conn: Connection
) -> None:
    link(day, api, sara)
    invited(day, sara)
    person = f"user:{sara}"

    assert [each["chat"] for each in export(conn, person).chats] == [CHAT]
    assert forget(conn, person, wall("13:45"), "Africa/Addis_Ababa").addresses == 1
    assert export(conn, person).chats == []
    assert [*day.read("SELECT count(*) FROM session_worker.telegram_invite")] == [(0,)]

"""Moves of a message while it is sent (promise 3)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from scheduler.reminders.moves import sending
from scheduler.reminders.moves.late_answers import mark_sent_late
from scheduler.reminders.moves.unanswered import lose
from tests.builders import a_session
from tests.eventually import eventually
from tests.scheduler.ledger.rows import KEY, MINUTE, NOW, START, a_delivery, an_attempt, row_of
from tests.servers import connect

HOLDER = UUID(int=1)
ANOTHER = UUID(int=2)
LEASE = timedelta(seconds=60)


def a_claim(conn: Connection, **columns: Any) -> int:
    """A claimed row whose lease lives for an hour."""
    until = conn.scalar(text("SELECT clock_timestamp() + interval '1 hour'"))
    held = {"state": "claimed", "holder": HOLDER, "lease_until": until}
    return a_delivery(conn, **{**held, **columns})


def lease_over(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.delivery SET lease_until = clock_timestamp()"))


def version_of(conn: Connection, session_id: int) -> str | None:
    found = conn.scalar(
        text("SELECT id || ' ' || xmin::text FROM tutor_sessions WHERE id = :id"),
        {"id": session_id},
    )
    return None if found is None else str(found)


def begin(
    conn: Connection, *ids: int, holder: UUID = HOLDER, key: UUID = KEY, channel: str = "email"
) -> sending.Try:
    rows = [
        sending.Claimed(id_, version_of(conn, row_of(conn, id_).session_id), "{}") for id_ in ids
    ]
    envelope = sending.Envelope(channel, None, key, NOW)
    return sending.begin_sending(conn, rows, holder, envelope, LEASE)


def a_try(conn: Connection, **columns: Any) -> tuple[int, sending.Try]:
    id_ = a_claim(conn, **columns)
    return id_, begin(conn, id_)


def test_what_is_to_be_sent_is_written_down_with_a_try_first(conn: Connection) -> None:
    id_, tried = a_try(conn)

    row = row_of(conn, id_)
    assert (row.state, row.channel, row.message_key, row.message_at) == (
        "sending",
        "email",
        KEY,
        NOW,
    )
    assert row.attempts == 1
    outcome = conn.execute(
        text("SELECT delivery_id, outcome, ended_at FROM session_worker.attempt")
    )
    assert outcome.all() == [(id_, None, None)]
    assert tried.ids == [id_]


def test_a_claim_whose_lease_ran_out_is_not_sent(conn: Connection) -> None:
    id_ = a_claim(conn)
    lease_over(conn)

    with pytest.raises(sending.CannotBegin):
        begin(conn, id_)
    assert row_of(conn, id_).state == "claimed"


def test_a_claim_that_passed_on_is_not_sent_by_its_old_holder(conn: Connection) -> None:
    id_ = a_claim(conn, holder=ANOTHER)

    with pytest.raises(sending.CannotBegin):
        begin(conn, id_)


def test_a_session_that_changed_since_it_was_read_is_looked_at_again(conn: Connection) -> None:
    session = a_session(conn)
    conn.commit()
    id_ = a_claim(conn, session_id=session)
    row = sending.Claimed(id_, version_of(conn, session), "{}")
    conn.execute(text("UPDATE tutor_sessions SET topic = 'another'"))

    with pytest.raises(sending.CannotBegin):
        sending.begin_sending(conn, [row], HOLDER, sending.Envelope("email", None, KEY, NOW), LEASE)


def test_a_twin_of_the_session_that_one_transaction_wrote_is_not_taken_for_it(
    conn: Connection,
) -> None:
    read, twin = a_session(conn), a_session(conn)  # with one xmin
    id_ = a_claim(conn, session_id=read)
    row = sending.Claimed(id_, version_of(conn, read), "{}")
    conn.execute(text("UPDATE session_worker.delivery SET session_id = :twin"), {"twin": twin})

    with pytest.raises(sending.CannotBegin):
        sending.begin_sending(conn, [row], HOLDER, sending.Envelope("email", None, KEY, NOW), LEASE)


def test_a_session_that_was_deleted_since_it_was_read_is_looked_at_again(
    conn: Connection,
) -> None:
    session = a_session(conn)
    id_ = a_claim(conn, session_id=session)
    row = sending.Claimed(id_, version_of(conn, session), "{}")
    conn.execute(text("DELETE FROM tutor_sessions"))

    with pytest.raises(sending.CannotBegin):
        sending.begin_sending(conn, [row], HOLDER, sending.Envelope("email", None, KEY, NOW), LEASE)


def test_the_providers_id_is_kept_with_the_try(conn: Connection) -> None:
    _, tried = a_try(conn)

    sending.mark_sent(conn, tried, "200 Sent", NOW, "ATXid_1")

    kept = conn.execute(text("SELECT provider_id FROM session_worker.attempt")).scalars().all()
    assert kept == ["ATXid_1"]


def test_one_row_that_cannot_go_keeps_the_whole_message(conn: Connection) -> None:
    going = a_claim(conn)
    gone = a_claim(conn, session_id=2, student_id=2, holder=ANOTHER)

    with pytest.raises(sending.CannotBegin):
        begin(conn, going, gone)


def test_a_sent_message_says_when(conn: Connection) -> None:
    id_, tried = a_try(conn)

    assert sending.mark_sent(conn, tried, "250 ok", NOW) == {id_}
    row = row_of(conn, id_)
    assert (row.state, row.sent_at, row.holder) == ("sent", NOW, None)
    words = conn.execute(text("SELECT outcome, words, final FROM session_worker.attempt")).all()
    assert words == [("sent", "250 ok", False)]


def test_a_failure_is_tried_again_later(conn: Connection) -> None:
    id_, tried = a_try(conn)
    sending.mark_failed(conn, tried, sending.Failure("451 later", "later"), NOW + MINUTE)

    row = row_of(conn, id_)
    assert (row.state, row.reason, row.retry_at) == ("failed", "451 later", NOW + MINUTE)


def test_another_holder_records_nothing(conn: Connection) -> None:
    id_, tried = a_try(conn)
    stranger = sending.Try(ANOTHER, tried.attempts)

    assert sending.mark_sent(conn, stranger, "250 ok", NOW) == frozenset()
    assert row_of(conn, id_).state == "sending"


def test_a_worker_that_died_while_sending_leaves_an_unknown_that_is_repeated(
    conn: Connection,
) -> None:
    id_, _ = a_try(conn)
    lease_over(conn)

    assert lose(conn, ["email"], NOW) == {id_}
    row = row_of(conn, id_)
    assert (row.state, row.reason, row.retry_at) == ("unknown", "no_answer", NOW)


def test_a_living_lease_loses_nothing(conn: Connection) -> None:
    id_, _ = a_try(conn)

    assert lose(conn, ["email"], NOW) == frozenset()
    assert row_of(conn, id_).state == "sending"


NOT_RENEWED = text("""
    UPDATE session_worker.delivery SET renewed_at = clock_timestamp() - interval '9 seconds'""")


def test_a_worker_killed_while_sending_is_detected_before_its_lease_is_over(
    conn: Connection, database: str
) -> None:
    """A process that is suspended keeps its connection, and the whole of its lease."""
    id_ = a_claim(conn)
    conn.commit()
    with connect(database) as sender:
        begin(sender, id_)
        sender.execute(NOT_RENEWED)
        sender.commit()
        assert lose(conn, ["email"], NOW) == frozenset()

    def lost() -> bool:
        conn.commit()
        return lose(conn, ["email"], NOW) == {id_}

    eventually(lost)
    assert row_of(conn, id_).state == "unknown"


def test_a_worker_that_lost_a_connection_and_renews_its_lease_was_not_killed(
    conn: Connection, database: str
) -> None:
    id_ = a_claim(conn)
    conn.commit()
    with connect(database) as sender:
        begin(sender, id_)
        sender.commit()
    eventually(lambda: connections(database) == 2)  # `conn`, and the one that counts

    assert lose(conn, ["email"], NOW) == frozenset()


CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


def connections(database: str) -> int:
    """Counted on a connection of its own: a transaction sees pg_stat_activity as it was first."""
    with connect(database) as watch:
        return int(watch.scalars(CONNECTIONS).one())


def test_a_channel_that_does_not_repeat_holds_what_it_lost(conn: Connection) -> None:
    id_, _ = a_try(conn)
    lease_over(conn)
    lose(conn, ["webhook"], NOW)

    row = row_of(conn, id_)
    assert (row.state, row.reason, row.retry_at) == ("held", "no_answer", None)


def test_what_was_lost_twice_is_held(conn: Connection) -> None:
    id_ = a_claim(conn)
    an_attempt(conn, id_, outcome=None, ended_at=None)
    begin(conn, id_)
    lease_over(conn)
    lose(conn, ["email"], NOW)

    assert row_of(conn, id_).state == "held"


def test_a_yes_that_comes_after_the_lease_still_counts(conn: Connection) -> None:
    id_, tried = a_try(conn)
    lease_over(conn)
    lose(conn, ["email"], NOW)

    assert sending.mark_sent(conn, tried, "250 ok", NOW) == frozenset()
    assert mark_sent_late(conn, tried.ids, NOW) == {id_}
    assert row_of(conn, id_).state == "sent"


def test_a_late_yes_leaves_alone_what_is_being_repeated(conn: Connection) -> None:
    id_, tried = a_try(conn)
    conn.execute(text("UPDATE session_worker.delivery SET holder = :other"), {"other": ANOTHER})

    assert mark_sent_late(conn, tried.ids, NOW) == frozenset()
    assert row_of(conn, id_).state == "sending"


@pytest.mark.parametrize(
    ("state", "reason"),
    [("claimed", None), ("obsolete", "cancelled"), ("held", "wrong_database"), ("failed", "550")],
)
def test_after_a_late_yes_nobody_sends_it_again(
    conn: Connection, state: str, reason: str | None
) -> None:
    id_, tried = a_try(conn)
    conn.execute(
        text("UPDATE session_worker.delivery SET state = :state, reason = :reason, holder ="
             " CASE WHEN :state = 'claimed' THEN CAST(:other AS uuid) END"),
        {"state": state, "reason": reason, "other": ANOTHER},
    )  # fmt: skip

    assert mark_sent_late(conn, tried.ids, NOW) == {id_}
    with pytest.raises(sending.CannotBegin):
        begin(conn, id_, holder=ANOTHER)


def test_a_repeat_that_fails_after_the_first_try_was_accepted_late_is_sent(
    conn: Connection,
) -> None:
    id_, first = a_try(conn)
    lease_over(conn)
    lose(conn, ["email"], NOW)
    conn.execute(
        text("UPDATE session_worker.delivery SET state = 'claimed', holder = :other,"
             " lease_until = clock_timestamp() + interval '1 hour'"), {"other": ANOTHER},
    )  # fmt: skip
    again = begin(conn, id_, holder=ANOTHER)
    sending.mark_sent(conn, first, "250 ok", NOW)
    sending.mark_failed(conn, again, sending.Failure("451 later", "later"), NOW + MINUTE)

    row = row_of(conn, id_)
    assert (row.state, row.retry_at) == ("sent", None)


def test_a_repeat_that_is_lost_after_the_first_try_was_accepted_late_is_sent(
    conn: Connection,
) -> None:
    id_, _ = a_try(conn)
    conn.execute(text("UPDATE session_worker.attempt SET outcome = 'sent', ended_at = begun_at"))
    lease_over(conn)

    assert lose(conn, ["email"], NOW) == {id_}
    assert row_of(conn, id_).state == "sent"


@pytest.mark.parametrize(
    ("move", "state", "reason"),
    [
        (lambda conn, ids: sending.let_expire(conn, ids, HOLDER), "expired", "begun"),
        (
            lambda conn, ids: sending.withdraw_claimed(conn, ids, HOLDER, "moved"),
            "obsolete",
            "moved",
        ),
        (lambda conn, ids: sending.give_up(conn, ids, HOLDER, "muted"), "unreachable", "muted"),
        (lambda conn, ids: sending.fail_claimed(conn, ids, HOLDER, "550"), "failed", "550"),
        (lambda conn, ids: sending.postpone(conn, ids, HOLDER, START, "rate"), "planned", "rate"),
    ],
)
def test_what_is_not_sent_leaves_with_its_reason(
    conn: Connection, move: Any, state: str, reason: str
) -> None:
    id_ = a_claim(conn)

    assert move(conn, [id_]) == {id_}
    row = row_of(conn, id_)
    assert (row.state, row.reason, row.holder) == (state, reason, None)


def test_a_late_worker_moves_nothing_out_of_its_batch(conn: Connection) -> None:
    id_ = a_claim(conn)
    lease_over(conn)

    assert sending.let_expire(conn, [id_], HOLDER) == frozenset()
    assert row_of(conn, id_).state == "claimed"


@pytest.mark.parametrize(("reason", "kept"), [("paused", 1), ("channel_down", 1), ("rate", 0)])
def test_a_long_wait_that_is_renewed_is_kept_once(conn: Connection, reason: str, kept: int) -> None:
    id_ = a_claim(conn)
    for _ in range(3):
        sending.postpone(conn, [id_], HOLDER, START, reason)
        conn.execute(
            text("UPDATE session_worker.delivery SET state = 'claimed', holder = :holder,"
                 " lease_until = clock_timestamp() + interval '1 hour'"), {"holder": HOLDER}
        )  # fmt: skip

    assert conn.scalar(text("SELECT count(*) FROM session_worker.move")) == kept


def beginning(conn: Connection, id_: int, holder: UUID = HOLDER) -> sending.Beginning:
    version = version_of(conn, row_of(conn, id_).session_id)
    envelope = sending.Envelope("email", None, KEY, NOW, "users", 77)
    return sending.Beginning(sending.Claimed(id_, version, "{}"), holder, envelope)


def test_messages_begun_together_are_written_down_as_one_alone(conn: Connection) -> None:
    alone, *others = (a_claim(conn, student_id=n) for n in range(3))
    sending.begin_sending(
        conn, [sending.Claimed(alone, None, "{}")], HOLDER,
        sending.Envelope("email", None, KEY, NOW, "users", 77), LEASE,
    )  # fmt: skip

    tries = sending.begin_all(conn, [beginning(conn, id_) for id_ in others], LEASE)

    written = text("""
        SELECT d.state, d.channel, d.outbox, d.source, d.message_key, d.message_at, d.told::text,
               d.attempts, d.sender_pid, d.lease_until > clock_timestamp(), a.message_key AS key,
               a.channel AS by, a.outcome, a.ended_at, a.address
          FROM session_worker.delivery d
          JOIN session_worker.attempt a ON a.delivery_id = d.id ORDER BY d.id""")
    first, *rest = conn.execute(written).all()
    assert rest == [first, first]
    assert {id_: tries[id_].ids for id_ in others} == {id_: [id_] for id_ in others}


def test_of_messages_begun_together_one_that_does_not_move_stops_no_other(conn: Connection) -> None:
    session = a_session(conn)
    changed = a_claim(conn, session_id=session)
    passed_on = a_claim(conn, student_id=2)
    good = a_claim(conn, student_id=3)
    stale = beginning(conn, changed)
    conn.commit()
    conn.execute(text("UPDATE tutor_sessions SET topic = 'Fractions'"))

    tries = sending.begin_all(
        conn, [stale, beginning(conn, passed_on, ANOTHER), beginning(conn, good)], LEASE
    )

    assert [*tries] == [good]
    assert [row_of(conn, id_).state for id_ in (changed, passed_on, good)] == [
        "claimed", "claimed", "sending",
    ]  # fmt: skip


def test_what_was_accepted_together_is_written_down_as_one_alone(conn: Connection) -> None:
    ids, tries = zip(*(a_try(conn, student_id=n) for n in range(3)), strict=True)
    sending.mark_sent(conn, tries[0], "250 ok", NOW, "x1")
    accepted = [sending.Accepted(each, "250 ok", NOW, "x1") for each in tries[1:]]

    assert sending.mark_all_sent(conn, accepted) == {*ids[1:]}

    written = text("""
        SELECT d.state, d.reason, d.sent_at, d.retry_at, d.holder, d.lease_until, a.outcome,
               a.final, a.words, a.about, a.provider_id, a.ended_at > a.begun_at
          FROM session_worker.delivery d
          JOIN session_worker.attempt a ON a.delivery_id = d.id ORDER BY d.id""")
    first, *rest = conn.execute(written).all()
    assert rest == [first, first]


def test_of_messages_accepted_together_a_holder_records_only_its_own(conn: Connection) -> None:
    (lost, of_lost), (mine, of_mine) = a_try(conn, student_id=1), a_try(conn, student_id=2)
    lease_over(conn)
    lose(conn, [], NOW)
    conn.execute(
        text("UPDATE session_worker.delivery SET state = 'sending', holder = :holder"
             " WHERE id = :mine"), {"holder": HOLDER, "mine": mine},
    )  # fmt: skip
    accepted = [sending.Accepted(each, "250 ok", NOW) for each in (of_lost, of_mine)]

    assert sending.mark_all_sent(conn, accepted) == {mine}
    assert row_of(conn, lost).state == "held"

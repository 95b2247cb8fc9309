"""Claims: their order, and that each message goes to one worker only (promises 3, 5 and 8)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection, text

from scheduler.reminders.begun_batches import note_begun, note_ended
from scheduler.reminders.moves.channel_queue import queue_up, queues
from scheduler.reminders.moves.claims import (
    ALONE,
    BESIDES,
    CLAIM,
    SOON,
    SOON_BATCH,
    Batch,
    batches_waiting,
    claim,
    lapse,
    release,
    renew,
    take_up,
)
from tests.scheduler.ledger.rows import HOUR, KEY, MINUTE, NOW, START, a_delivery, row_of
from tests.servers import connect

LEASE = timedelta(seconds=60)
NO_LEASE = timedelta(seconds=-1)
DUE = {"send_after": NOW - MINUTE}


def claimed(conn: Connection, batches: int = 1, size: int = 100) -> list[list[int]]:
    return [[*batch.ids] for batch in claim(conn, NOW, batches, size, LEASE)]


def test_what_is_not_due_is_not_claimed(conn: Connection) -> None:
    a_delivery(conn, send_after=NOW + timedelta(seconds=1))
    due = a_delivery(conn, session_id=2, student_id=2, send_after=NOW)

    assert claimed(conn) == [[due]]


def test_the_soonest_start_goes_first_and_alarms_before_reminders_before_notices(
    conn: Connection,
) -> None:
    later = a_delivery(conn, starts_at=START + HOUR, kind="alarm", **DUE)
    notice = a_delivery(conn, kind="notice", **DUE)
    reminder = a_delivery(conn, kind="reminder", **DUE)
    alarm = a_delivery(conn, kind="alarm", **DUE)

    assert claimed(conn, batches=4, size=1) == [[alarm], [reminder], [notice], [later]]


def test_what_one_person_gets_about_one_start_is_claimed_whole(conn: Connection) -> None:
    group = [a_delivery(conn, session_id=n, student_id=n, **DUE) for n in (1, 2, 3)]
    other = a_delivery(conn, recipient="user:8", **DUE)

    assert claimed(conn, batches=2, size=1) == [group, [other]]


def test_a_message_of_more_rows_than_a_claimant_looks_at_is_claimed_whole(
    conn: Connection,
) -> None:
    group = [a_delivery(conn, session_id=n, student_id=n, **DUE) for n in range(BESIDES + 50)]

    assert claimed(conn, size=1) == [group]


def test_what_was_tried_as_one_message_is_not_mixed_with_what_came_later(
    conn: Connection,
) -> None:
    tried = a_delivery(conn, message_key=KEY, **DUE)
    fresh = a_delivery(conn, session_id=2, student_id=2, **DUE)

    assert sorted(claimed(conn, batches=2, size=1)) == [[tried], [fresh]]


def test_a_batch_has_a_holder_and_a_lease_of_its_own(conn: Connection) -> None:
    first, second = (a_delivery(conn, recipient=f"user:{n}", **DUE) for n in (1, 2))
    batches = claim(conn, NOW, 2, 1, LEASE)

    rows = [row_of(conn, first), row_of(conn, second)]
    assert {row.holder for row in rows} == {batch.holder for batch in batches}
    assert all(row.state == "claimed" and row.lease_until is not None for row in rows)


def test_many_claimants_at_once_never_share_and_never_split_a_group(
    conn: Connection, database: str
) -> None:
    for recipient in range(60):
        for session in range(3):
            a_delivery(conn, recipient=f"user:{recipient}", session_id=session,
                       student_id=session, **DUE)  # fmt: skip
    conn.commit()

    def take(_: int) -> list[Batch]:
        mine = []
        with connect(database) as own:
            while batches := claim(own, NOW, 1, 4, LEASE):
                own.commit()
                mine += batches
        return mine

    with ThreadPoolExecutor(6) as pool:
        batches = [batch for mine in pool.map(take, range(6)) for batch in mine]

    conn.commit()
    taken = Counter(id_ for batch in batches for id_ in batch.ids)
    holders = conn.scalars(
        text("SELECT count(DISTINCT holder) FROM session_worker.delivery GROUP BY recipient")
    ).all()
    assert len(taken) == 180
    assert set(taken.values()) == {1}
    assert set(holders) == {1}


def test_a_lease_that_ran_out_gives_the_rows_back(conn: Connection) -> None:
    lost = a_delivery(conn, **DUE)
    claim(conn, NOW, 1, 1, NO_LEASE)
    kept = a_delivery(conn, recipient="user:8", **DUE)
    claim(conn, NOW, 1, 1, LEASE)

    assert lapse(conn) == {lost}
    assert row_of(conn, lost).state == "planned"
    assert row_of(conn, kept).state == "claimed"


def test_a_message_whose_process_died_is_claimed_alone_and_in_its_order(conn: Connection) -> None:
    before, deadly, after = (a_delivery(conn, recipient=f"user:{n}", **DUE) for n in (1, 2, 3))
    (batch,) = claim(conn, NOW, 1, 100, NO_LEASE)
    note_begun(conn, batch.holder)
    lapse(conn)
    fresh = a_delivery(conn, recipient="user:4", **DUE)

    assert claimed(conn, batches=9) == [[before], [deadly], [after], [fresh]]
    assert batches_waiting(conn, 100) == 3 * ALONE + 1


def test_what_was_alone_when_its_process_died_waits_longer_each_time(conn: Connection) -> None:
    deadly = a_delivery(conn, **DUE)
    waits = []
    for _ in range(7):
        conn.execute(text("UPDATE session_worker.delivery SET send_after = :due"), {"due": NOW})
        (batch,) = claim(conn, NOW, 1, 100, NO_LEASE)
        note_begun(conn, batch.holder)
        lapse(conn)
        waits.append(conn.scalar(WAIT, {"due": NOW}))
        note_ended(conn, batch.holder)

    assert waits == [None, 5, 20, 80, 300, 300, 300]
    assert row_of(conn, deadly).deaths == 7


WAIT = text("""
    SELECT CAST(round(extract(epoch FROM send_after - clock_timestamp())) AS integer)
      FROM session_worker.delivery WHERE send_after <> :due""")


def test_a_claim_that_nobody_began_is_no_death(conn: Connection) -> None:
    lost = a_delivery(conn, **DUE)
    claim(conn, NOW, 1, 1, NO_LEASE)
    lapse(conn)

    assert row_of(conn, lost).deaths == 0


def test_a_living_lease_is_prolonged(conn: Connection) -> None:
    id_ = a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, LEASE)
    before = row_of(conn, id_).lease_until

    assert renew(conn, batch.holder, HOUR) == {id_}
    assert before < row_of(conn, id_).lease_until <= before + CLAIM
    conn.execute(text("UPDATE session_worker.delivery SET state = 'sending'"))
    assert renew(conn, batch.holder, HOUR) == {id_}
    assert row_of(conn, id_).lease_until > before + LEASE


def test_a_row_that_its_sender_has_locked_keeps_no_renewal_waiting(
    conn: Connection, database: str
) -> None:
    """A sender moves two rows in one transaction; to wait for one of them would be a deadlock."""
    moving, waiting = (a_delivery(conn, recipient=f"user:{n}", **DUE) for n in range(2))
    (batch,) = claim(conn, NOW, 1, 2, LEASE)
    conn.commit()
    before = row_of(conn, moving).lease_until
    conn.commit()
    with connect(database) as sender:
        sender.execute(
            text("SELECT id FROM session_worker.delivery WHERE id = :id FOR UPDATE"),
            {"id": moving},
        )
        conn.execute(text("SET LOCAL lock_timeout = '1s'"))

        assert renew(conn, batch.holder, LEASE) == {moving, waiting}

    assert row_of(conn, moving).lease_until == before < row_of(conn, waiting).lease_until


def test_what_begins_within_a_minute_is_claimed_in_small_batches(conn: Connection) -> None:
    for number in range(SOON_BATCH + 1):
        a_delivery(conn, recipient=f"user:{number}", starts_at=NOW + SOON, **DUE)

    assert [len(ids) for ids in claimed(conn, batches=2, size=100)] == [SOON_BATCH, 1]


def test_a_claim_holds_for_seconds_and_no_longer_than_the_lease(conn: Connection) -> None:
    """A crashed worker's claim ends in time for an alarm that is due at the start."""
    id_ = a_delivery(conn, **DUE)
    claim(conn, NOW, 1, 1, HOUR)
    now = conn.scalars(text("SELECT clock_timestamp()")).one()
    assert row_of(conn, id_).lease_until <= now + CLAIM


def test_what_waits_for_a_channels_connections_is_claimed_for_that_channel_alone(
    conn: Connection,
) -> None:
    queued, free = (a_delivery(conn, recipient=f"user:{n}", **DUE) for n in range(2))
    (batch,) = claim(conn, NOW, 1, 1, LEASE)
    assert queue_up(conn, [queued], batch.holder, "email") == {queued}

    assert queues(conn) == ["email"]
    assert claimed(conn, batches=1, size=5) == [[free]]
    (own,) = claim(conn, NOW, 1, 5, LEASE, "email")
    assert own.ids == (queued,)
    assert queues(conn) == []


def test_a_lease_that_ran_out_is_not_revived(conn: Connection) -> None:
    a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, NO_LEASE)

    assert renew(conn, batch.holder, LEASE) == frozenset()


def test_a_claim_that_has_lain_in_the_queue_is_renewed_as_it_is_taken_up(conn: Connection) -> None:
    id_ = a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, HOUR)
    before = row_of(conn, id_).lease_until

    assert take_up(conn, batch.holder, HOUR)
    assert row_of(conn, id_).lease_until == before
    conn.execute(text("UPDATE session_worker.delivery SET lease_until = lease_until - :half"),
                 {"half": CLAIM * 0.6})  # fmt: skip
    assert take_up(conn, batch.holder, HOUR)
    assert row_of(conn, id_).lease_until >= before


def test_a_claim_that_ran_out_in_the_queue_is_not_taken_up(conn: Connection) -> None:
    a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, NO_LEASE)

    assert not take_up(conn, batch.holder, LEASE)


def test_a_batch_that_a_process_has_begun_no_longer_waits(conn: Connection) -> None:
    a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, LEASE)
    note_begun(conn, batch.holder)

    assert batches_waiting(conn, 100) == 0


def test_a_batch_that_no_broker_takes_goes_back_at_once(conn: Connection) -> None:
    id_ = a_delivery(conn, **DUE)
    (batch,) = claim(conn, NOW, 1, 1, LEASE)

    assert batches_waiting(conn, 100) == 1
    assert release(conn, batch) == {id_}
    assert batches_waiting(conn, 100) == 0


def test_another_holder_releases_nothing(conn: Connection) -> None:
    id_ = a_delivery(conn, **DUE)
    claim(conn, NOW, 1, 1, LEASE)

    assert release(conn, Batch(uuid4(), (id_,))) == frozenset()

"""All notices for one person are claimed as one message (promises 3 and 5)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from scheduler.reminders.moves.claims import Batch, claim
from tests.scheduler.ledger.rows import HOUR, KEY, MINUTE, NOW, START, a_delivery
from tests.servers import connect

LEASE = timedelta(seconds=60)


def a_notice(conn: Connection, after: int, **columns: Any) -> int:
    """Of a session that begins so many hours after the builders'."""
    start = {"starts_at": START + after * HOUR, "send_after": NOW - MINUTE}
    return a_delivery(conn, **{"kind": "notice", "lead_minutes": 0, **start, **columns})


def claimed(conn: Connection, batches: int = 1, size: int = 100) -> list[list[int]]:
    return [[*batch.ids] for batch in claim(conn, NOW, batches, size, LEASE)]


def test_notices_of_many_starts_are_claimed_whole(conn: Connection) -> None:
    late, early, later = (a_notice(conn, after) for after in (5, 1, 9))
    other = a_notice(conn, 2, recipient="user:8")

    assert claimed(conn, batches=2, size=1) == [[late, early, later], [other]]


def test_their_place_is_that_of_the_soonest_start(conn: Connection) -> None:
    notices = [a_notice(conn, 3), a_notice(conn, 30)]
    soon = a_delivery(conn, starts_at=START + 2 * HOUR, send_after=NOW)
    late = a_delivery(conn, starts_at=START + 4 * HOUR, send_after=NOW)

    assert claimed(conn, batches=3, size=1) == [[soon], notices, [late]]


def test_what_was_tried_as_one_notice_is_not_mixed_with_what_changed_later(
    conn: Connection,
) -> None:
    tried = [a_notice(conn, 1, message_key=KEY), a_notice(conn, 9, message_key=KEY)]
    fresh = [a_notice(conn, 2), a_notice(conn, 3)]

    assert claimed(conn, batches=2, size=1) == [tried, fresh]


def test_a_notice_that_waits_does_not_keep_the_others(conn: Connection) -> None:
    a_notice(conn, 1, send_after=NOW + MINUTE)
    due = [a_notice(conn, 2), a_notice(conn, 3)]

    assert claimed(conn) == [due]


def test_many_claimants_at_once_never_share_and_never_split_them(
    conn: Connection, database: str
) -> None:
    for recipient in range(40):
        for after in range(5):
            a_notice(conn, (after * 7 + recipient * 3) % 24, recipient=f"user:{recipient}",
                     student_id=after)  # fmt: skip
    conn.commit()

    def take(_: int) -> list[Batch]:
        mine = []
        with connect(database) as own:
            while batches := claim(own, NOW, 1, 3, LEASE):
                own.commit()
                mine += batches
        return mine

    with ThreadPoolExecutor(8) as pool:
        batches = [batch for part in pool.map(take, range(8)) for batch in part]
    taken = Counter(id_ for batch in batches for id_ in batch.ids)
    holders = conn.scalars(
        text("SELECT count(DISTINCT holder) FROM session_worker.delivery GROUP BY recipient")
    ).all()
    assert len(taken) == 200
    assert set(taken.values()) == {1}
    assert set(holders) == {1}

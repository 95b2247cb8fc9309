"""The place from which tries are recent, on any number of tries."""

from datetime import timedelta

from sqlalchemy import Connection, text

from scheduler.ledger.recent_tries import SLACK, first_try
from tests.scheduler.ledger.rows import NOW

# A try each second up to NOW, and then gaps in the ids, as after the removal of old ones.
FILL = text("""
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at)
    SELECT 1, gen_random_uuid(), 'email',
           CAST(:now AS timestamptz) - make_interval(secs => :count - g)
      FROM generate_series(1, :count) g""")
THIN = text("DELETE FROM session_worker.attempt WHERE id % 7 = 3 OR id < 100")
MISSED = text("""
    SELECT count(*) FROM session_worker.attempt WHERE begun_at > :since AND id <= :first""")
READ_TOO_MUCH = text("""
    SELECT count(*) FROM session_worker.attempt WHERE begun_at <= :since AND id > :first""")
RECENT = text("SELECT count(*) FROM session_worker.attempt WHERE begun_at > :since")


def test_none_is_missed_and_few_are_read_in_vain(conn: Connection) -> None:
    assert first_try(conn, NOW) == 0
    conn.execute(FILL, {"now": NOW, "count": 20_000})
    conn.execute(THIN)

    for seconds in (1, 60, 3_600, 10_000, 19_999, 100_000):
        since = NOW - timedelta(seconds=seconds)
        given = {"since": since, "first": first_try(conn, since)}
        assert conn.scalar(MISSED, given) == 0, seconds
        recent = conn.execute(RECENT, {"since": since - SLACK}).scalar_one()
        assert conn.execute(READ_TOO_MUCH, given).scalar_one() <= 2 * recent + 1, seconds

"""The place in the ledger from which tries are recent, whatever the state of the index by time.

`attempt_recent` is a BRIN index, and a part of the table that no vacuum has summarised yet (up to a
fifth of it, by PostgreSQL's defaults) is read whole. Ids ascend with time, so the place is found by
their primary key, in steps that double from the end.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

# A try is recorded as it begins, but by many workers: neighbours may change places.
SLACK = timedelta(minutes=10)

# Index: the primary key, some forty times. The last try of each step; the first step before the
# instant is far enough.
FIRST = text("""
    SELECT coalesce(max(step.id), 0)
      FROM (SELECT max(id) AS id FROM session_worker.attempt) newest,
           generate_series(0, 40) AS power,
           LATERAL (SELECT a.id, a.begun_at FROM session_worker.attempt a
                     WHERE a.id <= newest.id - (bigint '1' << power)
                     ORDER BY a.id DESC LIMIT 1) step
     WHERE step.begun_at < :since""")


def first_try(conn: Connection, since: datetime) -> int:
    """An id below those of all tries begun after `since`, and not far below."""
    return int(conn.execute(FIRST, {"since": since - SLACK}).scalar_one())

"""Advisory locks by which passes take turns, and the commit mode that does not wait for the disk.

Each lock is held until its transaction ends. The numbers are this worker's own; the site's code
uses no advisory locks (PostgreSQL manual, "Advisory Locks").
"""

from sqlalchemy import Connection, text

# Expansions take turns, chunk by chunk. Each sees what the one before committed, so that concurrent
# ones write the same as one alone. The wait has a limit of its own, as lock_timeout is for rows.
EXPANSION_TURN = text("""
    SELECT set_config('lock_timeout', '240s', true),
           pg_advisory_xact_lock(hashtext('session_worker.expansion')),
           set_config('lock_timeout', current_setting('session_worker.lock_timeout'), true)""")
KEEP_TIMEOUT = text("""
    SELECT set_config('session_worker.lock_timeout', current_setting('lock_timeout'), true)""")


def wait_expansion_turn(conn: Connection) -> None:
    """Wait until other expansions have finished their chunk, for 240 seconds at most."""
    conn.execute(KEEP_TIMEOUT)
    conn.execute(EXPANSION_TURN)


TRY_PLANNING_TURN = text("SELECT pg_try_advisory_xact_lock(7236548812040022)")
PLANNING_TURN = text("SELECT pg_advisory_xact_lock(7236548812040022)")


def try_planning_turn(conn: Connection) -> bool:
    """Take the planning turn for this transaction; False where another pass is under way."""
    return bool(conn.scalar(TRY_PLANNING_TURN))


def wait_planning_turn(conn: Connection) -> None:
    """Wait until no other planning pass is under way."""
    conn.execute(PLANNING_TURN)


TRY_SWEEP_TURN = text("SELECT pg_try_advisory_xact_lock(7236548812040023)")


def try_sweep_turn(conn: Connection) -> bool:
    """Take the sweep's turn for this transaction; False where another sweep is under way."""
    return bool(conn.scalar(TRY_SWEEP_TURN))


TRY_WATCH_TURN = text("SELECT pg_try_advisory_xact_lock(7236548812040024)")


def try_watch_turn(conn: Connection) -> bool:
    """Take the watch's turn for this transaction; False where another one is under way."""
    return bool(conn.scalar(TRY_WATCH_TURN))


RATE_TURN = text("SELECT pg_advisory_xact_lock(1920168053, hashtext(:channel))")


def wait_rate_turn(conn: Connection, channel: str) -> None:
    """Wait until no other worker is counting this channel's sends."""
    conn.execute(RATE_TURN, {"channel": channel})


COMMIT_WITHOUT_FLUSH = text("SET LOCAL synchronous_commit = off")


def commit_without_flush(conn: Connection) -> None:
    """Make this transaction's commit not wait for the disk.

    After a crash of the server the whole transaction may be missing, so this is only for work that
    the next run repeats by itself (PostgreSQL manual, "Asynchronous Commit").
    """
    conn.execute(COMMIT_WITHOUT_FLUSH)

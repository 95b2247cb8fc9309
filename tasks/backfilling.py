"""One backfill from its start to its report, inline or by the workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep

from sqlalchemy import Engine

from scheduler.expansion import backfill as filling
from scheduler.expansion.backfill import BackfillReport, Extent, Progress
from scheduler.settings import Settings

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 15


class DigestDiffers(Exception):
    """The rows to make are not those that a dry run showed. One line."""

    exit_code = 1


class NobodyFills(Exception):
    """No worker took the backfill. One line that says how to go on."""

    exit_code = 1


# How the chunks of a backfill get done: yields after each look, until none is left.
Filling = Callable[[Engine, Settings, int], Iterator[Progress]]


def check_digest(report: BackfillReport, expected: str | None) -> None:
    if expected is not None and report.digest != expected:
        raise DigestDiffers(
            f"the digest is {report.digest}, not {expected}: rules or rows changed since;"
            " look at a new --dry-run."
        )


def begin(engine: Engine, extent: Extent) -> int:
    """Records a new backfill; nothing is filled yet."""
    with engine.begin() as conn:
        return filling.begin_backfill(conn, extent)


def resume(engine: Engine, backfill_id: int) -> Extent:
    """Lets a stopped or partly failed backfill go on. Raises BackfillRefused."""
    with engine.begin() as conn:
        return filling.resume_backfill(conn, backfill_id)


@contextmanager
def stopped_on_error(engine: Engine, backfill_id: int) -> Iterator[None]:
    """Whatever ends the command, Ctrl-C too, stops the backfill where it is, to be resumed."""
    try:
        yield
    except BaseException:
        with engine.begin() as conn:
            filling.stop_backfill(conn, backfill_id)
        raise


def fill_inline(engine: Engine, settings: Settings, backfill_id: int) -> Iterator[Progress]:
    """Fills chunk by chunk in this process."""
    while filling.fill_next_chunk(engine, settings, datetime.now(UTC), backfill_id):
        yield look(engine, backfill_id)


def fill_by_workers(engine: Engine, _settings: Settings, backfill_id: int) -> Iterator[Progress]:
    """Hands the backfill to the workers and watches it. Raises NobodyFills."""
    from tasks.expansion import fill_chunk

    fill_chunk.delay(backfill_id)
    seen, since = look(engine, backfill_id), monotonic()
    while seen.left:
        yield seen
        sleep(LOOK_SECONDS)
        now = look(engine, backfill_id)
        if now != seen:
            seen, since = now, monotonic()
        elif monotonic() - since > PATIENCE_SECONDS and not seen.done and not seen.failed:
            raise NobodyFills(
                f"no worker has taken it for {PATIENCE_SECONDS} s: start one with"
                " `celery -A tasks worker` or go on here with"
                f" `celery -A tasks backfill --resume {backfill_id} --inline`."
            )
    yield seen


def look(engine: Engine, backfill_id: int) -> Progress:
    with engine.connect() as conn:
        return filling.progress(conn, backfill_id)


def report(engine: Engine, backfill_id: int, digest: str) -> BackfillReport:
    with engine.connect() as conn:
        return filling.report_backfill(conn, backfill_id, digest)

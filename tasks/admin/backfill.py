"""Run of one backfill from its start to its report, inline or by the workers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from kombu.exceptions import OperationalError
from sqlalchemy import Engine

from scheduler.expansion.admin import backfill as filling
from scheduler.expansion.admin.backfill import BackfillReport, Extent, Progress
from scheduler.settings import Settings
from tasks.database import engine_now
from tasks.failures.lines import ExitCode

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 10


class DigestDiffers(Exception):
    """The rows to make differ from those of a dry run. One line."""

    exit_code = ExitCode.PARTLY


# A way to fill the chunks of a backfill: yields the progress repeatedly, until none is left.
Filling = Callable[[Engine, Settings, int], Iterator[Progress]]


def check_digest(report: BackfillReport, expected: str | None) -> None:
    """Raise DigestDiffers where a digest is expected and the report's is another."""
    if expected is not None and report.digest != expected:
        raise DigestDiffers(
            f"the digest is {report.digest}, not {expected}: rules or rows have changed;"
            " see a new --dry-run."
        )


def begin(engine: Engine, extent: Extent) -> int:
    """Record a new backfill and return its id; nothing is filled yet."""
    with engine.begin() as conn:
        return filling.begin_backfill(conn, extent)


def resume(engine: Engine, backfill_id: int) -> Extent:
    """Resume a stopped or partly failed backfill. Raises BackfillRefused."""
    with engine.begin() as conn:
        return filling.resume_backfill(conn, backfill_id)


@contextmanager
def stopped_on_error(engine: Engine, backfill_id: int) -> Iterator[None]:
    """Stop the backfill where an error or Ctrl-C ends the block, so that it can be resumed."""
    try:
        yield
    except BaseException:
        with engine.begin() as conn:
            filling.stop_backfill(conn, backfill_id)
        raise


def fill_inline(engine: Engine, settings: Settings, backfill_id: int) -> Iterator[Progress]:
    """Fill chunk by chunk in this process; yields the progress after each."""
    while filling.fill_next_chunk(engine, settings, engine_now(engine), backfill_id):
        yield look(engine, backfill_id)


def fill_with_workers(engine: Engine, settings: Settings, backfill_id: int) -> Iterator[Progress]:
    """Hand the backfill to the workers and watch it; fill chunks here that no worker takes.

    Chunks are taken in turns, so this does no harm where a worker was only slow.
    """
    if is_handed_out(backfill_id):
        seen, since = look(engine, backfill_id), monotonic()
        while seen.left and monotonic() - since < PATIENCE_SECONDS:
            yield seen
            sleep(LOOK_SECONDS)
            if (now := look(engine, backfill_id)) != seen:
                seen, since = now, monotonic()
        if seen.left:
            logger.warning("No worker made progress for %s s: filling here.", PATIENCE_SECONDS)
    yield from fill_inline(engine, settings, backfill_id)


def is_handed_out(backfill_id: int) -> bool:
    from tasks.planning import fill_chunk

    try:
        fill_chunk.apply_async((backfill_id,), retry=False)
    except OperationalError as error:
        logger.warning("The broker cannot be reached (%s): filling here.", error)
        return False
    return True


def look(engine: Engine, backfill_id: int) -> Progress:
    with engine.connect() as conn:
        return filling.progress(conn, backfill_id)


def report(engine: Engine, backfill_id: int, digest: str) -> BackfillReport:
    """Report of what the backfill wrote; `digest` is passed through."""
    with engine.connect() as conn:
        return filling.report_backfill(conn, backfill_id, digest)

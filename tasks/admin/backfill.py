"""One backfill from its start to its report, inline or by the workers."""

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
    """The rows to make are not those that a dry run showed. One line."""

    exit_code = ExitCode.PARTLY


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
    while filling.fill_next_chunk(engine, settings, engine_now(engine), backfill_id):
        yield look(engine, backfill_id)


def fill_with_workers(engine: Engine, settings: Settings, backfill_id: int) -> Iterator[Progress]:
    """Hands the backfill to the workers and watches it; does itself what nobody takes.

    Chunks are taken in turns, so helping does no harm where a worker was just slow.
    """
    if is_handed_out(backfill_id):
        seen, since = look(engine, backfill_id), monotonic()
        while seen.left and monotonic() - since < PATIENCE_SECONDS:
            yield seen
            sleep(LOOK_SECONDS)
            if (now := look(engine, backfill_id)) != seen:
                seen, since = now, monotonic()
        if seen.left:
            logger.warning("No worker has gone on for %s s: filling here.", PATIENCE_SECONDS)
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
    with engine.connect() as conn:
        return filling.report_backfill(conn, backfill_id, digest)

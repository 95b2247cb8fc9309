"""Check of the database at beat's start, which logs where nothing is sent, as on a copy."""

from threading import Thread
from time import sleep
from typing import Any

from celery.signals import beat_init

from scheduler.reminders.home import WrongDatabase, is_elsewhere
from scheduler.settings import Settings
from tasks.database import engine, worker_settings
from tasks.failures.log_once import AGAIN_SECONDS, log_once
from tasks.worker.task import lines_of


@beat_init.connect
def begin(**_: Any) -> None:
    settings = worker_settings()
    if settings.database_url.strip():  # beat itself does without
        Thread(target=watch, args=(settings,), daemon=True).start()


def watch(settings: Settings) -> None:
    """Log once a minute that nothing is sent from here, or that PostgreSQL cannot be reached."""
    while True:
        check_database(settings)
        sleep(AGAIN_SECONDS)


def check_database(settings: Settings) -> None:
    database = engine(settings)
    try:
        with database.connect() as conn:
            elsewhere = is_elsewhere(conn)
        if elsewhere:
            log_once(str(WrongDatabase()))
    except Exception as error:
        lines = lines_of(error)
        if not lines:
            raise
        log_once(*lines)
    finally:
        database.dispose()

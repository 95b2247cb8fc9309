"""Beat's look at the database: its ticks do nothing on a copy, and somebody reads its log."""

from threading import Thread
from time import sleep
from typing import Any

from celery.signals import beat_init

from scheduler.reminders.rounds import WrongDatabase, is_elsewhere
from scheduler.settings import Settings, load_settings
from tasks.database import engine
from tasks.troubles import AGAIN_SECONDS, lines_of, say


@beat_init.connect
def begin(**_: Any) -> None:
    settings = load_settings()
    if settings.database_url.strip():  # beat itself does without
        Thread(target=watch, args=(settings,), daemon=True).start()


def watch(settings: Settings) -> None:
    """Say once a minute that nothing is sent from here, or that PostgreSQL is away."""
    while True:
        look(settings)
        sleep(AGAIN_SECONDS)


def look(settings: Settings) -> None:
    database = engine(settings)
    try:
        with database.connect() as conn:
            elsewhere = is_elsewhere(conn)
        if elsewhere:
            say(str(WrongDatabase()))
    except Exception as error:
        lines = lines_of(error)
        if not lines:
            raise
        say(*lines)
    finally:
        database.dispose()

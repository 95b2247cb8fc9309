"""Planning as beat runs it: the tick each second, and the sweep that finds what the tick cannot."""

from datetime import UTC, datetime

from scheduler.reminders import rounds
from tasks import app
from tasks.database import worker_engine
from tasks.delivery.handing import hand_out
from tasks.held import say_what_is_held
from tasks.process import worker_settings
from tasks.site import site_catalog
from tasks.troubles import say


@app.task(name="tasks.planning.tick")
def tick() -> None:
    """Plan what falls due, and hand out what is due."""
    engine, settings, now = worker_engine(), worker_settings(), datetime.now(UTC)
    with engine.begin() as conn:
        if rounds.hold_elsewhere(conn):
            say(str(rounds.WrongDatabase()))
            return
        changes = rounds.tick(conn, site_catalog(engine), settings, now)
    say_what_is_held(changes)
    hand_out(app, engine, settings, now)


@app.task(name="tasks.planning.sweep")
def sweep() -> None:
    """Hold the ledger against the site, and take back what the broker or a dead worker lost."""
    engine, settings, now = worker_engine(), worker_settings(), datetime.now(UTC)
    with engine.begin() as conn:
        if rounds.hold_elsewhere(conn):
            return
        changes = rounds.sweep(conn, site_catalog(engine), settings, now)
    say_what_is_held(changes)

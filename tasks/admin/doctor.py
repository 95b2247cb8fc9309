"""Examination of an installation: its database, its channels, its broker and its workers."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from celery import Celery
from kombu import Connection as Broker
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from models.catalog import SiteMismatch, read_catalog, with_taken_ids
from scheduler.database_clock import clocks_apart, database_now
from scheduler.doctor import Finding, Severity, examine_database
from scheduler.doctor.life import START
from scheduler.finding import error, note, warning
from scheduler.reminders.dead_addresses import dead_addresses
from scheduler.settings import InvalidSetting, Settings
from scheduler.words import local, many
from tasks.admin.setup import notes_on
from tasks.broker import BROKER_ERRORS, broker_words, check_writable, transport_options
from tasks.database import engine

BROKER_SECONDS = 3
# Waits for the workers' answers, in seconds; on a busy machine they are asked a second time.
ANSWER_SECONDS = (1.0, 4.0)
QUEUES = frozenset({"planning", "delivery"})
RESTART = "correct the setting, and restart the workers"


@dataclass(frozen=True, slots=True)
class Examination:
    """Findings, the most severe first. `ok`: none of them is an error."""

    ok: bool
    findings: Sequence[Finding]


def examine(settings: Settings, now: datetime) -> Examination:
    """Run all checks. Changes nothing. `now`: this machine's clock. Raises ServerUnreachable."""
    with one_connection(settings) as conn:
        database = database_now(conn)
        found = [*examine_database(conn, settings, database), *missing_options(conn)]
        found += check_dead_addresses(conn, settings, database)
    found += check_clock(now, database)
    found += check_channel_urls(settings)
    found += check_templates(settings)
    broken = [*check_broker(settings)]
    found += broken or check_workers(settings, {finding.code for finding in found})
    found.sort(key=lambda finding: [*Severity].index(finding.severity))
    return Examination(all(each.severity is not Severity.ERROR for each in found), tuple(found))


@contextmanager
def one_connection(settings: Settings) -> Iterator[Connection]:
    """A connection that is closed at the end: examinations may follow one another for days."""
    database = engine(settings)
    try:
        with database.connect() as conn:
            yield conn
    finally:
        database.dispose()


NAMED = 5


def check_dead_addresses(conn: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """People with sessions in the coming week whose only addresses are dead."""
    from tasks.alerts.unreached import coming_week
    from tasks.channels.configured import channels_of  # Apprise is slow to import

    try:
        with conn.begin_nested():
            if not dead_addresses(conn).hashes:
                return
            catalog = with_taken_ids(conn, read_catalog(conn))
            people = coming_week(conn, catalog, settings, channels_of(settings), now).people
    except (SiteMismatch, InvalidSetting, ProgrammingError):
        return  # other checks tell of these
    lost = [each for each in people if "dead_address" in each.reason]
    if lost:
        named = "; ".join(
            f"{each.recipient} ({each.role}, {many(each.sessions, 'session')}, the first"
            f" {local(each.first_starts_at, settings.zone)})"
            for each in lost[:NAMED]
        )
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        yield warning(
            "dead_addresses",
            f"{len(lost)} with sessions in the coming week and no address that is not dead:"
            f" {named}{more}",
            "ask them for another address and enter it on the site, or, if it is right,"
            " celery -A tasks deliveries revive PERSON",
        )


def check_clock(machine: datetime, database: datetime) -> Iterator[Finding]:
    """This machine's clock against the database's. Workers on others log theirs themselves."""
    if words := clocks_apart(machine, database):
        yield warning("clock", f"{words}, which decides what is due", "set both by NTP")


def missing_options(conn: Connection) -> list[Finding]:
    """Notes about optional tables and columns that are missing, as by `setup`."""
    try:
        catalog = read_catalog(conn)
    except SiteMismatch:
        return []
    cure = "nothing has to be done; with it the worker can do more"
    return [note(each.code, each.detail, cure) for each in notes_on(catalog)]


def check_channel_urls(settings: Settings) -> Iterator[Finding]:
    """Unusable channels: each by itself, then all of them with OUTBOX."""
    from tasks.channels.admin_way import admin_way
    from tasks.channels.configured import channel_of, channels_of  # Apprise is slow to import

    tries = [partial(channel_of, each, settings, None) for each in settings.channels.values()]
    broken = [*unusable("channel_unusable", tries)]
    yield from broken or unusable("outbox_unusable", [partial(channels_of, settings)])
    if settings.admin:
        yield from unusable("admin_unusable", [partial(admin_way, settings)])


def unusable(code: str, tries: Sequence[Callable[[], object]]) -> Iterator[Finding]:
    """One finding for each call that raises InvalidSetting, whose line shows no secret."""
    for attempt in tries:
        try:
            attempt()
        except InvalidSetting as refused:
            yield error(code, str(refused), RESTART)


def check_templates(settings: Settings) -> Iterator[Finding]:
    """Unusable templates of the admin's, or a language without any. The built-in ones alone need no
    look: to compile them takes a third of the command's time."""
    if not settings.templates and settings.language == Settings.model_fields["language"].default:
        return
    from tasks.messages.render import words_of

    yield from unusable("templates_unusable", [partial(words_of, settings)])


def check_broker(settings: Settings) -> Iterator[Finding]:
    """No broker, or one that does not answer: due messages wait in the ledger (promise 8)."""
    if not settings.redis_url.strip():
        yield error("no_broker", "REDIS_URL is not set", "set it, such as redis://host:6379/0")
        return
    options = transport_options(settings)
    broker = Broker(settings.redis_url, connect_timeout=BROKER_SECONDS, transport_options=options)
    try:
        with broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
            yield from check_writes(broker)
            return
    except (*BROKER_ERRORS, OSError, ValueError, LookupError, ImportError) as failure:
        words = f"the broker at {where(broker)} cannot be reached: {said(broker, failure)}"
    yield error("broker_unreachable", words, "start the broker, or correct REDIS_URL")


def check_writes(broker: Broker) -> Iterator[Finding]:
    try:
        check_writable(broker)
    except BROKER_ERRORS as refusal:
        words = f"the broker at {where(broker)} takes no writes: {said(broker, refusal)}"
        yield error("broker_refuses", words, "repair the broker: the workers wait for it")


def where(broker: Broker) -> str:
    return f"{broker.hostname or 'localhost'}:{broker.port or '?'}"


def said(broker: Broker, failure: Exception) -> str:
    """The broker's words in one line, without the password."""
    words = broker_words(failure)
    return words.replace(broker.password, "***") if broker.password else words


def check_workers(settings: Settings, found: Collection[str]) -> Iterator[Finding]:
    """Queues without a worker. With one of the two unserved, beat and the ledger would look well
    for minutes while messages wait."""
    # Not the process's own app: it may have been configured for another broker before.
    with Celery(broker=settings.redis_url, set_as_current=False) as asking:
        asking.conf.broker_transport_options = transport_options(settings)
        try:
            served = served_queues(asking)
        except (*BROKER_ERRORS, OSError) as refusal:
            words = f"the workers cannot be asked: {broker_words(refusal)}"
            yield error("workers_unknown", words, BROKER_RIGHTS)
            return
    if not served:
        find = warning if "never_ticked" in found else error
        yield find("no_worker", "no worker answers on the broker", START)
        return
    for queue in sorted(QUEUES - served):
        detail = f"no worker takes from the queue {queue}"
        yield error("queue_unserved", detail, f"celery -A tasks worker -Q {queue}")


def served_queues(asking: Celery) -> set[str]:
    """Names of the queues that workers serve. Raises the broker's errors."""
    served: set[str] = set()
    for seconds in ANSWER_SECONDS:
        answers = asking.control.inspect(timeout=seconds).active_queues() or {}
        served |= {queue["name"] for each in answers.values() for queue in each}
        if served >= QUEUES:
            break
    return served


BROKER_RIGHTS = "give the broker's user the rights that docs/broker.md lists"

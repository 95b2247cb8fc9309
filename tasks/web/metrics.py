"""Metrics of an installation in Prometheus's text format (`/metrics`).

Names follow Prometheus's rules (base units, `_total`, `_timestamp_seconds`); `celery_queue_length`
is named as by the Celery exporters.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from models.catalog import SiteMismatch
from scheduler.database_clock import database_now
from scheduler.ledger.figures import (
    LATENESS_BOUNDS,
    TRY_BOUNDS,
    DeliveryCount,
    ReceiptCount,
    Standing,
    TryCount,
    Waiting,
    count_deliveries,
    count_receipts,
    count_tries,
    count_waiting,
    read_standing,
)
from scheduler.message import Absent, Kind
from scheduler.reminders.channel_pauses import EVERY_CHANNEL
from scheduler.settings import Settings
from tasks.broker import BROKER_ERRORS
from tasks.database import ServerUnreachable
from tasks.web.kept_value import KeptValue
from tasks.web.queue_lengths import queue_lengths
from tasks.web.totals import Totals

DAY = timedelta(days=1)
# Of a channel's messages and of those that never got one, which a rate has to begin at 0 for.
TRIED_STATES = ("sent", "failed", "unknown")
UNTRIED_STATES = ("held", "expired", "obsolete", "unreachable")
SERIES_STATES = ("active", "stopped", "ended", "unreadable", "paused")
PASSES = ("tick", "sweep", "expand", "upkeep")
# Several scrapes within this time share one reading.
FRESH_SECONDS = 1.0

Labels = tuple[str, ...]
# A metric, its labels, and of a histogram the number of the bucket.
Key = tuple[str, Labels, int]
DELIVERIES, LATENESS, SECONDS_LATE = "deliveries", "lateness", "seconds_late"
TRIES, SECONDS_TAKEN = "tries", "seconds_taken"
RECEIPTS, RECEIPT_WORDS = "receipts", ("delivered", "undelivered")
OUTCOMES = ("sent", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of the ledger at `now`, an instant on the database's clock."""

    now: datetime
    deliveries: Sequence[DeliveryCount]
    tries: Sequence[TryCount]
    receipts: Sequence[ReceiptCount]
    waiting: Sequence[Waiting]
    standing: Standing


class LedgerMetrics(Collector):
    """Collector of all metrics. A server that is away is a metric too, and no error."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        self.totals: Totals[Key] = Totals()
        self.since: datetime | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not connect while it is made."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics; those of a server that does not answer are left out."""
        yield InfoMetricFamily(
            "session_worker", "Version of the session worker.", {"version": version(PACKAGE)}
        )
        yield from self.of_the_ledger()
        yield from of_the_broker(self.settings)

    def of_the_ledger(self) -> Iterator[Metric]:
        name, words = "session_worker_database_up", "1 where PostgreSQL answers."
        try:
            with self.engine.connect() as conn:
                reading = self.read(conn)
        except (ServerUnreachable, SiteMismatch, SQLAlchemyError):
            yield GaugeMetricFamily(name, words, value=0)
            return
        yield GaugeMetricFamily(name, words, value=1)
        totals = self.totals.read(
            counts_of(reading.deliveries, reading.tries, reading.receipts, self.settings)
        )
        yield from counters(totals)
        yield from waiting_gauges(reading)
        yield from standing_gauges(reading, self.settings)

    def read(self, conn: Connection) -> Reading:
        """What the ledger has now, over a span of one to two days back."""
        now = database_now(conn)
        if self.since is None:
            self.since = now - DAY
        elif now - self.since > 2 * DAY:
            self.totals.read(self.counts(conn, self.since))
            self.since = now - DAY
            self.totals.start_again(self.counts(conn, self.since))
        return Reading(
            now=now,
            deliveries=count_deliveries(conn, self.since),
            tries=count_tries(conn, self.since),
            receipts=count_receipts(conn, self.since),
            waiting=count_waiting(conn, now),
            standing=read_standing(conn, now.astimezone(self.settings.zone).date()),
        )

    def counts(self, conn: Connection, since: datetime) -> Mapping[Key, float]:
        return counts_of(
            count_deliveries(conn, since),
            count_tries(conn, since),
            count_receipts(conn, since),
            self.settings,
        )


PACKAGE = "session-worker"


def counts_of(
    deliveries: Sequence[DeliveryCount],
    tries: Sequence[TryCount],
    receipts: Sequence[ReceiptCount],
    settings: Settings,
) -> Mapping[Key, float]:
    """All counts that a total follows."""
    found: dict[Key, float] = defaultdict(float, dict.fromkeys(expected(settings), 0.0))
    for each in deliveries:
        if each.state in (*TRIED_STATES, *UNTRIED_STATES):
            found[DELIVERIES, (each.state, each.kind, each.channel), 0] += each.count
        if each.state == "sent":
            found[LATENESS, (each.kind, each.channel), each.bucket] += each.count
            found[SECONDS_LATE, (each.kind, each.channel), 0] += each.seconds
    for one in tries:
        found[TRIES, (one.channel, one.outcome), one.bucket] += one.count
        found[SECONDS_TAKEN, (one.channel, one.outcome), 0] += one.seconds
    for receipt in receipts:
        found[RECEIPTS, (receipt.channel, receipt.receipt), 0] += receipt.count
    return found


def expected(settings: Settings) -> Iterator[Key]:
    """What can come, so that a rate sees the first one: a counter has to begin at 0 for that."""
    for kind in Kind:
        for state in UNTRIED_STATES:
            yield DELIVERIES, (state, kind.value, ""), 0
        for channel in settings.channels:
            yield SECONDS_LATE, (kind.value, channel.value), 0
            for state in TRIED_STATES:
                yield DELIVERIES, (state, kind.value, channel.value), 0
    for channel in settings.channels:
        for outcome in OUTCOMES:
            yield SECONDS_TAKEN, (channel.value, outcome), 0
        for receipt in RECEIPT_WORDS:
            yield RECEIPTS, (channel.value, receipt), 0


def counters(totals: Mapping[Key, float]) -> Iterator[Metric]:
    """The metrics that only grow."""
    deliveries = CounterMetricFamily(
        "session_worker_deliveries",
        "Messages that came into a state: sent, failed for good, unknown (never answered), held,"
        " expired, obsolete or unreachable. channel is empty where none was chosen.",
        labels=("state", "kind", "channel"),
    )
    for metric, labels, _ in sorted(totals):
        if metric == DELIVERIES:
            deliveries.add_metric(labels, totals[metric, labels, 0])
    yield deliveries
    receipts = CounterMetricFamily(
        "session_worker_receipts",
        "Messages that their receipts call delivered or undelivered.",
        labels=("channel", "receipt"),
    )
    for metric, labels, _ in sorted(totals):
        if metric == RECEIPTS:
            receipts.add_metric(labels, totals[metric, labels, 0])
    yield receipts
    lateness = HistogramMetricFamily(
        "session_worker_delivery_lateness_seconds",
        "Time by which messages were sent after they could have gone.",
        labels=("kind", "channel"),
    )
    yield filled(lateness, LATENESS_BOUNDS, totals, LATENESS, SECONDS_LATE)
    durations = HistogramMetricFamily(
        "session_worker_attempt_duration_seconds",
        "Time that the provider took for a try; its count is that of the tries.",
        labels=("channel", "outcome"),
    )
    yield filled(durations, TRY_BOUNDS, totals, TRIES, SECONDS_TAKEN)


def filled(
    family: HistogramMetricFamily,
    bounds: Sequence[float],
    totals: Mapping[Key, float],
    buckets: str,
    seconds: str,
) -> HistogramMetricFamily:
    """The histogram with its values: those of `buckets` and their sums, those of `seconds`."""
    above = [*(str(bound) for bound in bounds), "+Inf"]
    for metric, labels, _ in sorted(totals):
        if metric == seconds:
            places = range(len(above))
            counts = accumulate(totals.get((buckets, labels, place), 0.0) for place in places)
            pairs = list(zip(above, counts, strict=True))
            family.add_metric(labels, pairs, totals[metric, labels, 0])
    return family


def gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for each in sorted(values):
        family.add_metric([each], values[each])
    return family


def waiting_gauges(reading: Reading) -> Iterator[Metric]:
    """Planned messages by kind, 0 for kinds without one."""
    planned = {kind.value: 0.0 for kind in Kind}
    due = dict(planned)
    for each in reading.waiting:
        planned[each.kind], due[each.kind] = each.planned, each.due
    oldest = min((each.oldest for each in reading.waiting if each.oldest), default=reading.now)
    yield gauge("session_worker_planned", "Messages planned and not yet sent.", "kind", planned)
    yield gauge(
        "session_worker_backlog", "Messages that are due and in nobody's hands.", "kind", due
    )
    yield GaugeMetricFamily(
        "session_worker_oldest_due_age_seconds",
        "Time since the oldest message that is due and unsent should have gone; 0 where none is.",
        value=(reading.now - oldest).total_seconds(),
    )


def standing_gauges(reading: Reading, settings: Settings) -> Iterator[Metric]:
    """What stands at the time of the reading."""
    now = reading.standing
    yield gauge(
        "session_worker_under_way",
        "Messages in workers' hands: claimed, or sending to a provider.",
        "state",
        {"claimed": 0, "sending": 0, **now.under_way},
    )
    yield gauge(
        "session_worker_stuck",
        "Messages that wait for an admin: held, or unknown (never answered and not repeated).",
        "state",
        {"held": 0, "unknown": 0, **now.stuck},
    )
    yield gauge(
        "session_worker_series",
        "Rules by the state of their series.",
        "state",
        {**dict.fromkeys(SERIES_STATES, 0), **now.series},
    )
    yield GaugeMetricFamily(
        "session_worker_conflicts",
        "Dates to come without a row, as another session is in the way.",
        value=now.conflicts,
    )
    yield gauge(
        "session_worker_last_run_timestamp_seconds",
        "Last tick, sweep, expansion and upkeep that succeeded; 0 where there was none.",
        "pass",
        {name: now.beats[name].timestamp() if name in now.beats else 0 for name in PASSES},
    )
    yield gauge(
        "session_worker_dead_addresses",
        "Addresses that refused for good, to which nothing is sent.",
        "channel",
        {**{name.value: 0 for name in settings.channels}, **now.dead},
    )
    yield gauge(
        "session_worker_absences",
        "Absences of today.",
        "of",
        {**{each.value: 0 for each in Absent}, **now.away},
    )
    stopped = now.paused | now.down
    yield gauge(
        "session_worker_channel_up",
        "1 where a channel sends, 0 where its provider is down or an admin paused it.",
        "channel",
        {
            name.value: float(not {name.value, EVERY_CHANNEL} & stopped)
            for name in settings.channels
        },
    )


def of_the_broker(settings: Settings) -> Iterator[Metric]:
    """Lengths of the queues on the broker."""
    name, words = "session_worker_broker_up", "1 where the broker answers."
    try:
        lengths = queue_lengths(settings)
    except (*BROKER_ERRORS, OSError, ValueError, LookupError):
        yield GaugeMetricFamily(name, words, value=0)
        return
    yield GaugeMetricFamily(name, words, value=1)
    yield gauge(
        "celery_queue_length",
        "Celery messages in a queue of the broker.",
        "queue_name",
        {queue: float(length) for queue, length in lengths.items()},
    )


@dataclass(frozen=True, slots=True)
class Exposition:
    """The metrics as text, and its media type."""

    text: bytes
    media_type: str


class Exporter:
    """The metrics in the format that a scraper asks for, read at most once a second."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        collector = LedgerMetrics(engine, settings)
        self.metrics = KeptValue(lambda: [*collector.collect()], FRESH_SECONDS)

    def expose(self, accept: str) -> Exposition:
        """`accept`: the request's header of that name."""
        encode, media_type = choose_encoder(accept)
        return Exposition(encode(Collected(self.metrics.get())), media_type)


class Collected(CollectorRegistry):
    """Metrics that were collected before, as the encoders want them."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        super().__init__()
        self.register(Given(metrics))


class Given(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not look for names that occur twice."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are."""
        return self.metrics

"""A channel's rate holds across workers, with Redis, without it, and while it comes and goes."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

import pytest
import redis
from sqlalchemy import Connection, make_url, text

from scheduler.settings import ChannelName, Rate
from tasks.channels.channel import Channel
from tasks.channels.rate.limiter import LocalLimiter
from tests.eventually import eventually
from tests.tasks.channels.attempt import NOW, channels
from tests.tasks.channels.oddities import nobody, serving

GO = timedelta(0)
SECOND = timedelta(seconds=1)


def worker(rate: str, **servers: str) -> Channel:
    """A channel as one more worker process would have it."""
    values = {"channel_webhook": "json://localhost/", "channel_webhook_rate": rate, **servers}
    return channels(**values)[ChannelName.WEBHOOK]


def permits(channel: Channel) -> Iterator[timedelta]:
    while True:
        yield channel.permit(datetime.now(UTC))


def granted(channel: Channel, tries: int) -> int:
    return sum(wait <= GO for wait in islice(permits(channel), tries))


def sent(conn: Connection, channel: Channel, tries: int) -> int:
    """As delivery does it: a place, then an attempt in the ledger."""
    gone = 0
    for wait in islice(permits(channel), tries):
        if wait <= GO:
            a_sent_message(conn, seconds_ago=0)
            gone += 1
    return gone


def test_without_a_rate_there_is_no_wait() -> None:
    assert granted(channels(channel_webhook="json://localhost/")[ChannelName.WEBHOOK], 1000) == 1000


def test_within_one_process_a_window_holds_its_count() -> None:
    limiter = LocalLimiter(Rate(count=3, per=SECOND))
    instants = [NOW + number * timedelta(milliseconds=100) for number in range(25)]

    gone = [instant for instant in instants if limiter.permit(instant) == GO]

    milliseconds = [(instant - NOW) // timedelta(milliseconds=1) for instant in gone]
    assert milliseconds == [0, 100, 200, 1000, 1100, 1200, 2000, 2100, 2200]


def test_the_wait_is_until_the_oldest_leaves_the_window() -> None:
    limiter = LocalLimiter(Rate(count=1, per=SECOND))
    limiter.permit(NOW)

    assert limiter.permit(NOW + timedelta(milliseconds=300)) == timedelta(milliseconds=700)


@pytest.fixture(params=["redis", "rabbitmq", "redis that is away"])
def servers(request: pytest.FixtureRequest, database: str, valkey: str) -> Iterator[dict[str, str]]:
    with nobody() as port:
        urls = {"redis": valkey, "rabbitmq": "amqp://guest@localhost//"}
        away = f"redis://127.0.0.1:{port}/0"
        yield {"database_url": database, "redis_url": urls.get(request.param, away)}


def test_workers_share_one_window(servers: dict[str, str]) -> None:
    workers = [worker("5/m", **servers) for _ in range(3)]

    assert sum(granted(each, 4) for each in workers) == 5


def test_workers_at_once_do_not_take_a_place_twice(servers: dict[str, str]) -> None:
    workers = [worker("20/m", **servers) for _ in range(4)]
    counts: list[int] = []

    threads = [
        threading.Thread(target=lambda each=each: counts.append(granted(each, 15)))
        for each in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counts) == 20


def test_a_place_is_free_again_when_its_time_is_over(servers: dict[str, str]) -> None:
    channel = worker("2/s", **servers)
    begun = datetime.now(UTC)

    for _ in range(3):
        while (wait := channel.permit(datetime.now(UTC))) > GO:
            assert wait <= SECOND

    assert datetime.now(UTC) - begun >= SECOND


def test_channels_do_not_share_a_window(servers: dict[str, str]) -> None:
    made = channels(
        channel_webhook="json://localhost/",
        channel_webhook_rate="1/m",
        channel_push="json://localhost/",
        channel_push_rate="1/m",
        **servers,
    )

    assert [granted(channel, 3) for channel in made.values()] == [1, 1]


def test_what_the_ledger_knows_counts_where_no_window_is(
    conn: Connection, servers: dict[str, str]
) -> None:
    a_sent_message(conn, seconds_ago=10)
    a_sent_message(conn, seconds_ago=90)
    a_sent_message(conn, seconds_ago=10, channel="sms")

    # Of four places one is taken, and Redis's window is begun with one more.
    assert sent(conn, worker("4/m", **servers), 6) in (2, 3)


def test_a_message_about_several_sessions_takes_one_place(
    conn: Connection, servers: dict[str, str]
) -> None:
    a_sent_message(conn, seconds_ago=10, sessions=30)

    assert sent(conn, worker("4/m", **servers), 6) in (2, 3)


def test_an_emptied_redis_keeps_the_limit(conn: Connection, database: str, valkey: str) -> None:
    channel = worker("3/h", database_url=database, redis_url=valkey)
    assert sent(conn, channel, 3) == 3

    redis.Redis.from_url(valkey).flushall()

    assert channel.permit(datetime.now(UTC)) > timedelta(minutes=50)


def test_the_limit_holds_while_redis_goes_and_comes(
    conn: Connection, database: str, valkey: str
) -> None:
    up = threading.Event()
    up.set()
    with relayed(valkey, up) as url:
        channel = worker("4/m", database_url=database, redis_url=url)
        gone = sent(conn, channel, 1)
        assert redis.Redis.from_url(valkey).exists("session_worker:rate:webhook")
        for switch in (up.clear, up.set, up.clear, up.set):
            gone += sent(conn, channel, 1)
            switch()
            eventually(lambda: answers(url) is up.is_set())
        gone += sent(conn, channel, 4)
        # Once to find that the kept connection is dead, and once over a new one.
        for seconds in (6, 12):
            assert channel.permit(datetime.now(UTC) + timedelta(seconds=seconds)) > GO

    assert gone <= 4


def test_a_redis_that_is_away_is_left_alone_for_a_while(database: str) -> None:
    """Or each message would wait for its connection."""
    knocks = []
    with serving(lambda connection: knocks.append(1)) as port:
        channel = worker("1000/m", database_url=database, redis_url=f"redis://127.0.0.1:{port}/0")
        for _ in range(20):
            channel.permit(NOW)

    assert 1 <= len(knocks) <= 2


ATTEMPT = text("""
    INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at)
    SELECT number, :key, :channel, now() - make_interval(secs => :seconds_ago)
      FROM generate_series(1, :sessions) AS number""")


def a_sent_message(
    conn: Connection, seconds_ago: int, channel: str = "webhook", sessions: int = 1
) -> None:
    values = {"key": uuid4(), "channel": channel, "seconds_ago": seconds_ago, "sessions": sessions}
    conn.execute(ATTEMPT, values)
    conn.commit()


def answers(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url, retry=None).ping())
    except redis.RedisError:
        return False


@contextmanager
def relayed(url: str, up: threading.Event) -> Iterator[str]:
    """The server of the URL behind a port that answers only while `up`."""
    real = make_url(url)

    def relay(connection: socket.socket) -> None:
        if not up.is_set():
            return
        with socket.create_connection((real.host or "127.0.0.1", real.port or 6379)) as behind:
            other = {connection: behind, behind: connection}
            while up.is_set():
                for readable in select.select([connection, behind], [], [], 0.02)[0]:
                    data = readable.recv(65536)
                    if not data:
                        return
                    other[readable].sendall(data)

    with serving(relay) as port:
        yield real.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

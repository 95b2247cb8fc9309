"""scheduler/broker_url.py: what Celery takes, and nothing else."""

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from scheduler.settings import InvalidSetting, load_settings

# Nothing listens there.
TAKEN = [
    "redis://127.0.0.1:1",
    "redis://127.0.0.1:1/15",
    "redis://:p%40ss@127.0.0.1:1/0",
    "REDIS://user:secret@127.0.0.1:1/",
    "rediss://127.0.0.1:1/0?ssl_cert_reqs=none",
    "rediss://127.0.0.1:1/0?ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=false",
    "redis+socket:///nowhere/redis.sock",
    "redis+socket:///nowhere/redis.sock?virtual_host=3",
    "amqp://user:secret@127.0.0.1:1",
    "amqp://user:secret@127.0.0.1:1//",
    "amqp://user:secret@127.0.0.1:1/vhost",
    "amqp://127.0.0.1:1;amqp://127.0.0.1:2",
    "amqps://127.0.0.1:1?ssl_cert_reqs=none",
    "pyamqp://127.0.0.1:1",
    "sentinel://127.0.0.1:1/3",
    "sentinel://:secret@127.0.0.1:1;sentinel://[::1]:1",
]


@pytest.mark.parametrize("url", TAKEN)
def test_celery_takes_every_url_that_is_accepted(url: str) -> None:
    options = {"master_name": "mymaster"} if "sentinel" in url else {}
    broker = Connection(taken(f" {url} "), connect_timeout=1, transport_options=options)

    with broker, pytest.raises(OperationalError):
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)


def test_a_login_that_is_given_once_is_that_of_each_sentinels_url() -> None:
    """kombu turns from one URL to the next, and takes login and database from it."""
    url = "sentinel://one:1;sentinel://worker:p%40ss@two/3;Sentinel://[::1]:2/"

    assert taken(url).split(";") == [
        "sentinel://worker:p%40ss@one:1/3",
        "sentinel://worker:p%40ss@two/3",
        "sentinel://worker:p%40ss@[::1]:2/3",
    ]


def test_without_a_url_there_is_no_broker() -> None:
    assert taken("  ") == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("garbage", "no URL"),
        ("localhost:6379", "no URL"),
        ("//secret@host", "no URL"),
        ("redis:/secret@host", "no URL"),
        ("http://secret@host", "http:// is for no broker"),
        ("valkey://secret@host", "valkey:// is for no broker"),
        ("unix:///run/redis.sock", "unix:// is for no broker"),
        ("memory://", "memory:// is for no broker"),
        ("sqs://secret@host", "sqs:// is for no broker"),
        ("://secret@host", "is for no broker"),
        ("redis://:secret@host:port/0", "no URL"),
        (f"redis://:secret@{'a' * 70}/0", "no URL"),
        ("redis://:secret@host:99999/0", "no URL"),
        ("redis://:sec#ret@host/0", "no URL"),
        ("redis://[::1", "no URL"),
        ("redis://:secret@my host/0", "no URL"),
        ("redis://:secret@host/\x00", "no URL"),
        ("redis://:secret@host/site", "a Redis database is a number"),
        ("redis://:secret@host/-1", "a Redis database is a number"),
        ("redis://:secret@host/0/", "a Redis database is a number"),
        (
            "redis://:secret@host/0?socket_timeout=5",
            "takes nothing after a ?, not 'socket_timeout'",
        ),
        ("amqp://:secret@host?heartbeat=30", "takes nothing after a ?, not 'heartbeat'"),
        ("rediss://:secret@host?ssl_nonsense=1", "takes only ssl_ca_certs"),
        ("rediss://:secret@host?ssl_cert_reqs=maybe", "ssl_cert_reqs is none"),
        ("redis+socket://", "the socket's path is missing"),
        ("redis+socket:///run/redis.sock?virtual_host=x", "virtual_host is the number"),
        ("redis://:secret@one;redis://:secret@two", "only RabbitMQ's and sentinels may be several"),
        ("sentinel://:secret@one;amqp://two", "sentinels and other brokers in one list"),
        ("sentinel://:secret@one;sentinel://:secrets@two", "differs from another's"),
        ("sentinel://:secret@one/0;sentinel://two/1", "differs from another's"),
        ("sentinel://:secret@one/lessons", "a Redis database is a number"),
        ("sentinel://:secret@one?master_name=lessons", "takes nothing after a ?"),
        ("amqp://:secret@one;", "no URL"),
    ],
)
def test_an_unusable_url_is_one_line_without_its_password(url: str, words: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        taken(url)

    assert str(caught.value).startswith("REDIS_URL: ")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def taken(url: str) -> str:
    return load_settings(_env_file=None, redis_url=url).redis_url

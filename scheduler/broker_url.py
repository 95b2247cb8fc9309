"""Validation of REDIS_URL: the broker URLs that Celery accepts and this worker supports."""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

REDIS, SOCKET = {"redis", "rediss"}, {"redis+socket"}
RABBITMQ = {"amqp", "amqps", "pyamqp"}
SENTINEL = {"sentinel"}  # its URLs lead to the sentinels, which know where the server is
# Celery hands on whatever else stands in a URL's query, and fails at the first connection.
TLS_OPTIONS = {
    "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname",
}  # fmt: skip
OPTIONS = {"rediss": TLS_OPTIONS, "amqps": TLS_OPTIONS, "redis+socket": {"virtual_host"}}
CERTIFICATE = re.compile(r"none|optional|required|CERT_(NONE|OPTIONAL|REQUIRED)")
SENTINEL_PORT = 26379
EXAMPLE = "write redis://host:6379/0, or amqp://user:password@host for RabbitMQ"


def readable_broker(text: str) -> str:
    """The URL; '' where there is none. Of RabbitMQ's and of sentinels it may be several, parted by
    semicolons; each sentinel's has the server's login and database, which may be given once.

    Raises ValueError with words that show no more of it than its scheme: it holds a password.
    """
    urls = text.strip().split(";")
    for url in urls if urls != [""] else []:
        _check(url, len(urls))
    if len(urls) > 1 and any(is_sentinel(url) for url in urls):
        urls = _of_one_server(urls)
    return ";".join(urls)


def is_sentinel(url: str) -> bool:
    """Whether it, or the first of several, leads to a sentinel."""
    return url.partition("://")[0].lower() in SENTINEL


def sentinel_addresses(url: str) -> list[tuple[str, int]]:
    """Host and port of each sentinel in a readable URL."""
    parts = [urlsplit(each) for each in url.split(";")]
    return [(each.hostname or "localhost", each.port or SENTINEL_PORT) for each in parts]


def _check(url: str, of: int) -> None:
    scheme, found, rest = url.partition("://")
    if not found or not url.isprintable() or " " in url:
        raise ValueError(f"no URL: {EXAMPLE}")
    scheme = scheme.lower()
    if scheme not in REDIS | SOCKET | RABBITMQ | SENTINEL:
        raise ValueError(f"{scheme}:// is for no broker that the worker knows: {EXAMPLE}")
    if of > 1 and scheme not in RABBITMQ | SENTINEL:
        raise ValueError(
            f"only RabbitMQ's and sentinels may be several, not {scheme}://: {EXAMPLE}"
        )
    try:
        parts = urlsplit(f"http://{rest}")
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(f"no URL (is the password percent-encoded?): {EXAMPLE}") from None
    _check_database(scheme, parts)
    _check_options(scheme, parts)


def _check_database(scheme: str, parts: SplitResult) -> None:
    if scheme in REDIS | SENTINEL and not re.fullmatch(r"/?[0-9]{0,4}|//", parts.path):
        raise ValueError(f"a Redis database is a number: {EXAMPLE}")
    if scheme in SOCKET and not parts.path.strip("/"):
        raise ValueError("the socket's path is missing: write redis+socket:///run/redis.sock")


def _check_options(scheme: str, parts: SplitResult) -> None:
    taken = OPTIONS.get(scheme, set())
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in taken:
            known = f"only {', '.join(sorted(taken))}" if taken else "nothing after a ?"
            raise ValueError(f"{scheme}:// takes {known}, not {name!r}: {EXAMPLE}")
        if name == "ssl_cert_reqs" and not CERTIFICATE.fullmatch(value):
            raise ValueError("ssl_cert_reqs is none, optional or required")
        if name == "virtual_host" and not re.fullmatch(r"[0-9]{1,4}", value):
            raise ValueError("virtual_host is the number of a Redis database, such as 0")


def _of_one_server(urls: list[str]) -> list[str]:
    """The same URLs, each with the login and the database that some of them have."""
    if not all(is_sentinel(url) for url in urls):
        raise ValueError("sentinels and other brokers in one list: name the one or the other")
    parts = [urlsplit(url) for url in urls]
    logins = {login for each in parts if (login := each.netloc.rpartition("@")[0])}
    databases = {path for each in parts if (path := each.path.strip("/"))}
    if len(logins) > 1 or len(databases) > 1:
        raise ValueError(
            "the user, password or database of one sentinel's URL differs from another's: they are"
            " the server's, so give them once"
        )
    login, database = "".join(f"{each}@" for each in logins), "".join(databases)
    hosts = [each.netloc.rpartition("@")[2] for each in parts]
    return [f"sentinel://{login}{host}/{database}" for host in hosts]

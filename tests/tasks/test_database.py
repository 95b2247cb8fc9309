"""The engine's connections: their session settings, and one line when the server is down."""

import pytest
from sqlalchemy import Engine, make_url, text

from scheduler.settings import InvalidSetting, load_settings
from tasks.database import ServerUnreachable, database_url, engine
from tests.servers import connect

KICK_OUT_THE_OTHERS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()""")


def engine_for(url: str) -> Engine:
    return engine(load_settings(database_url=url))


def with_name(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("timezone", "UTC"),
        ("lock_timeout", "3s"),
        ("statement_timeout", "5min"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("application_name", "session_worker"),
        ("client_encoding", "UTF8"),
        ("transaction_isolation", "read committed"),
        ("jit", "off"),
    ],
)
def test_a_connection_has_the_session_settings_of_a_guest(
    database: str, setting: str, value: str
) -> None:
    with engine_for(database).connect() as conn:
        conn.rollback()

        assert conn.scalar(text(f"SHOW {setting}")) == value


def test_the_urls_own_words_go_first(database: str) -> None:
    named = make_url(database).update_query_dict({"application_name": "planner"})

    with engine_for(named.render_as_string(hide_password=False)).connect() as conn:
        assert conn.scalar(text("SHOW application_name")) == "planner"


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("a,b", "a,b", "5432,5432"),
        ("a:1,b:2", "a,b", "1,2"),
        ("a,b:6432", "a,b", "5432,6432"),
        ("[::1]:5433,b", "::1,b", "5433,5432"),
    ],
)
def test_several_hosts_are_read_as_libpq_reads_them(hosts: str, host: str, port: str) -> None:
    url = database_url(load_settings(database_url=f"postgresql://u:s@{hosts}/name?sslmode=prefer"))

    assert (url.query["host"], url.query["port"]) == (host, port)
    assert (url.username, url.password, url.database) == ("u", "s", "name")
    assert url.query["sslmode"] == "prefer"


def test_a_server_that_lets_commits_go_unflushed_is_overruled(database: str) -> None:
    name = make_url(database).database
    with connect(database) as admin:
        admin.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        admin.commit()

    with engine_for(database).connect() as conn:
        assert conn.scalar(text("SHOW synchronous_commit")) == "on"


def test_a_server_that_waits_for_more_than_the_disk_is_left_so(database: str) -> None:
    name = make_url(database).database
    with connect(database) as admin:
        admin.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = remote_apply'))
        admin.commit()

    with engine_for(database).connect() as conn:
        assert conn.scalar(text("SHOW synchronous_commit")) == "remote_apply"


@pytest.mark.parametrize("driver", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_driver_of_the_url_does_not_matter(database: str, driver: str) -> None:
    with engine_for(database.replace("postgresql", driver, 1)).connect() as conn:
        assert conn.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "DATABASE_URL is not set"),
        ("my database", "DATABASE_URL is no URL"),
        ("mysql://user:secret@host/name", "DATABASE_URL is for mysql, not for PostgreSQL"),
        ("postgresql://user:secret@host:port/name", "DATABASE_URL is no URL"),
        ("postgresql://user:secret@host/na\0me", "DATABASE_URL is no URL"),
        ("postgresql://user:secret%00@host/name", "DATABASE_URL is no URL"),
        ("postgresql://user:secret@host:99999/name", "DATABASE_URL: 99999 is no port"),
        ("postgresql://user:secret@host:0/name", "DATABASE_URL: 0 is no port"),
        ("postgresql://user:secret@a:1,b:99999/name", "DATABASE_URL: 99999 is no port"),
        ("postgresql://user:secret@a:x,b/name", "DATABASE_URL is no URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_an_invalid_setting(url: str, words: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        engine_for(url)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        "ssl=on",
        "sslmode=bogus",
        "connect_timeout=soon",
        "client_encoding=klingon",
        "options=-c x=1",
        "target_session_attrs=x",
    ],
)
def test_an_option_that_postgresql_does_not_know_is_an_invalid_setting(
    database: str, option: str
) -> None:
    name, _, value = option.partition("=")
    url = make_url(database).update_query_dict({name: value})

    with pytest.raises(InvalidSetting, match="unknown to PostgreSQL"):
        engine_for(url.render_as_string(hide_password=False)).connect()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_server_that_is_not_there_is_unreachable(host: str) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        engine_for(f"postgresql://user:secret@{host}/name").connect()

    assert "cannot be reached" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(database: str) -> None:
    with pytest.raises(ServerUnreachable, match='database "nowhere" does not exist'):
        engine_for(with_name(database, "nowhere")).connect()


def test_a_connection_that_breaks_is_unreachable(database: str) -> None:
    with engine_for(database).connect() as conn, connect(database) as admin:
        conn.scalar(text("SELECT 1"))
        admin.execute(KICK_OUT_THE_OTHERS)

        with pytest.raises(ServerUnreachable):
            conn.scalar(text("SELECT 1"))


def test_a_connection_that_broke_in_the_pool_is_replaced(database: str) -> None:
    made = engine_for(database)
    with made.connect() as conn:
        conn.scalar(text("SELECT 1"))
    with connect(database) as admin:
        admin.execute(KICK_OUT_THE_OTHERS)

    with made.connect() as conn:
        assert conn.scalar(text("SELECT 1")) == 1


def test_session_settings_stay_after_a_rollback(database: str) -> None:
    made = engine_for(database)
    with made.connect() as conn:
        conn.execute(text("SELECT 1"))
        conn.rollback()

    with made.connect() as conn:
        assert conn.scalar(text("SHOW lock_timeout")) == "3s"

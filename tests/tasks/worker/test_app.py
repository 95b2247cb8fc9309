"""Sending a task to a broker that does not accept it fails soon, with one line."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from scheduler.settings import load_settings
from tasks.admin.doctor import check_broker
from tasks.demo.servers import ValkeyServer, Workspace, start_valkey
from tasks.worker.app import BrokerAway, WorkerApp
from tests.faults.test_broker_comes_back import TROUBLES


def app_on(url: str) -> WorkerApp:
    app = WorkerApp("sender", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=url)
    # A frozen one is waited for in vain, however long that is.
    app.conf.broker_transport_options |= {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
    return app


@pytest.fixture(scope="module")
def broker(workspace: Workspace) -> Iterator[ValkeyServer]:
    server = start_valkey(workspace)
    yield server
    server.stop()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_broker_in_trouble_is_one_line_and_exit_code_3(
    broker: ValkeyServer, trouble: str
) -> None:
    begin, end, _ = TROUBLES[trouble]
    begin(broker)
    try:
        with app_on(broker.url()) as app, pytest.raises(BrokerAway) as away:
            app.send_task("tasks.planning.tick")
        findings = [*check_broker(load_settings(_env_file=None, redis_url=broker.url()))]
    finally:
        end(broker)

    assert away.value.exit_code == 3
    assert away.value.format_message().startswith("the broker cannot be reached: ")
    assert "\n" not in away.value.format_message()
    assert [finding.code for finding in findings] in (["broker_unreachable"], ["broker_refuses"])


@contextmanager
def a_port_that_hangs_up() -> Iterator[tuple[str, list[object]]]:
    """A broker's URL, and a list with an entry for each connection that was made to it."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    line, address = listener.accept()
                except OSError:
                    return
                calls.append(address)
                line.close()

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0", calls
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_post_with_retry_off_waits_no_longer_than_one_with_the_default() -> None:
    with a_port_that_hangs_up() as (url, calls), app_on(url) as app:
        with pytest.raises(BrokerAway):
            app.send_task("tasks.planning.tick")
        by_default = len(calls)
        with pytest.raises(BrokerAway):
            app.send_task("tasks.planning.tick", retry=False)

    assert 0 < len(calls) - by_default <= by_default

"""A host that vanishes: its address is removed in a network namespace."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import pytest
from sqlalchemy import Connection, make_url

from tasks.demo.servers import PostgresServer, Workspace
from tasks.demo.servers.processes import Command
from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.faults.rounds import mail_channel
from tests.faults.standby import primary_with_site, socket_of
from tests.faults.test_database_comes_back import alarms
from tests.relay import Relay
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

HERE, THERE = "10.213.77.1", "10.213.77.2"
PORT = 5432


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace with an address of its own, joined to this one by a pair of interfaces."""

    name: str

    def run(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def within(self, *words: str) -> None:
        self.run("netns", "exec", self.name, "ip", *words)

    def vanish(self) -> None:
        self.within("addr", "del", f"{THERE}/24", "dev", "there")

    def appear(self) -> None:
        self.within("addr", "add", f"{THERE}/24", "dev", "there")


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(f"sw{secrets.token_hex(3)}")
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("no network namespaces here: they need root and iproute2")
    here = f"h{made.name}"
    try:
        made.run("netns", "add", made.name)
        made.run("link", "add", here, "type", "veth", "peer", "name", "there", "netns", made.name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    made.run("addr", "add", f"{HERE}/24", "dev", here)
    made.run("link", "set", here, "up")
    made.within("link", "set", "there", "up")
    made.appear()
    yield made
    # A process within keeps the namespace, and so the address, unless the link goes by itself.
    made.run("link", "delete", here)
    made.run("netns", "delete", made.name)


@pytest.fixture
def primary(workspace: Workspace) -> Iterator[PostgresServer]:
    server = primary_with_site(workspace)
    yield server
    server.kill()


def relay_on(host: Host, workspace: Workspace, target: str, port: int = PORT) -> None:
    relay = [sys.executable, str(REPOSITORY / "tests" / "relay.py"), THERE, str(port), target]
    name = f"relay-{host.name}-{port}"
    workspace.start(Command(name, ["ip", "netns", "exec", host.name, *relay], dict(os.environ)))
    eventually(lambda: "ready" in workspace.log(name))


def test_a_brokers_host_that_vanishes_is_given_up_and_taken_again(
    host: Host, database: str, conn: Connection, valkey: str, workspace: Workspace,
    smtp_sink: SmtpSink,
) -> None:  # fmt: skip
    alarms(conn, 120)
    url = make_url(valkey)
    with Relay((str(url.host), int(url.port or 0)), HERE) as way_out:
        relay_on(host, workspace, f"{HERE}:{way_out.port}")
        there = url.set(host=THERE, port=PORT).render_as_string(hide_password=False)
        with running(database, there, **mail_channel(smtp_sink)) as site:
            site.worker()
            site.beat()
            eventually(lambda: len(smtp_sink.mails) >= 3)
            host.vanish()
            vanished = monotonic()
            eventually(lambda: "the broker cannot be reached" in site.log())
            print(f"measured: the broker's vanished host given up: {monotonic() - vanished:.1f} s")
            host.appear()
            ended, before = monotonic(), len(smtp_sink.mails)

            eventually(lambda: len(smtp_sink.mails) > before)
            print(f"measured: the broker's vanished host back: {monotonic() - ended:.1f} s")
            assert [process.poll() for process in site.processes] == [None, None]
            assert "Traceback" not in site.log()


def test_a_database_host_that_vanishes_is_given_up_and_taken_again(
    host: Host, primary: PostgresServer, workspace: Workspace, valkey: str, smtp_sink: SmtpSink
) -> None:
    relay_on(host, workspace, str(socket_of(primary)))
    with connect(primary.url("site")) as conn:
        alarms(conn, 120)
    url = f"postgresql://worker@{THERE}:{PORT}/site"
    with running(url, valkey, **mail_channel(smtp_sink)) as site:
        site.worker()
        site.beat()
        eventually(lambda: len(smtp_sink.mails) >= 3)
        host.vanish()
        vanished = monotonic()
        eventually(lambda: "cannot be reached" in site.log())
        print(f"measured: PostgreSQL's vanished host given up after {monotonic() - vanished:.1f} s")
        host.appear()
        ended, before = monotonic(), len(smtp_sink.mails)

        eventually(lambda: len(smtp_sink.mails) > before)
        print(f"measured: PostgreSQL's vanished host back: {monotonic() - ended:.1f} s")
        assert [process.poll() for process in site.processes] == [None, None]
        assert "Traceback" not in site.log()

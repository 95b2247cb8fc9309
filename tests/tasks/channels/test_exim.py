"""Exim in Debian's configuration: mails that it queues are delivered by its next queue run, too
late."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.settings import ChannelName
from tasks.channels.outcome import Result
from tests.eventually import eventually
from tests.sinks.ports import free_ports, is_open
from tests.tasks.channels.attempt import AT, KEY, a_letter, a_person, channels

EXIM = shutil.which("exim4") or ""
USER = "Debian-exim"
MAILS = 25
CONFIGURATION = """
primary_hostname = mail.site.example
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
acl_smtp_rcpt = everybody
begin acl
everybody:
  accept
begin routers
here:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = /dev/null
  user = {user}
  group = {user}
"""

pytestmark = pytest.mark.skipif(
    not EXIM or os.geteuid() != 0, reason="Debian's exim4-daemon-light is not installed, or no root"
)


@pytest.fixture
def exim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Its folder, where it writes `mainlog`, and its port.

    It runs as its own user, whom pytest's folders would not let in.
    """
    folder = Path("/tmp") / f"exim-{os.getpid()}"  # noqa: S108
    owner = pwd.getpwnam(USER)
    for each in (folder, folder / "spool"):
        each.mkdir(mode=0o755)
        os.chown(each, owner.pw_uid, owner.pw_gid)
    [port] = free_ports(1)
    configuration = folder / "configuration"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, user=USER))
    server = subprocess.Popen([EXIM, "-C", str(configuration), "-bdf", "-q30m"])
    try:
        eventually(lambda: is_open(port))
        yield folder, port
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder)


def delivered(folder: Path) -> int:
    return (folder / "mainlog").read_text().count(" => ")


def test_no_mail_of_a_batch_is_laid_aside(exim: tuple[Path, int]) -> None:
    folder, port = exim
    url = f"mailto://127.0.0.1:{port}?from=desk@site.example&to={{email}}"
    channel = channels(channel_email=url)[ChannelName.EMAIL]

    with channel.open():
        outcomes = [
            channel.send(a_letter(), a_person(email=f"p{each}@here.example"), KEY, AT).result
            for each in range(MAILS)
        ]

    assert outcomes == [Result.SENT] * MAILS
    assert eventually(lambda: delivered(folder) == MAILS)
    assert "no immediate delivery" not in (folder / "mainlog").read_text()

"""Real mail systems with a pipe, for root: Postfix and Exim from Debian's packages.

Each takes mails on `port`, passes those to mail.example on to another server, and hands what comes
to desk@school.example to a wrapper as `nobody`. It runs in a folder of its own below /tmp, as its
users may enter no other.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.eventually import eventually
from tests.sinks.ports import free_ports, is_open

POSTFIX, EXIM = shutil.which("postfix") or "", shutil.which("exim4") or ""
POSTFIX_MISSING = not POSTFIX or os.geteuid() != 0
EXIM_MISSING = not EXIM or os.geteuid() != 0


@dataclass(frozen=True)
class MailSystem:
    """`wrapper`: the pipe's program; the test writes it."""

    folder: Path
    port: int
    flush_command: tuple[str, ...]
    log_name: str
    flushing: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def wrapper(self) -> Path:
        return self.folder / "wrapper"

    @property
    def log(self) -> str:
        path = self.folder / self.log_name
        return path.read_text() if path.exists() else ""

    def flush(self) -> None:
        """Try again what waits. Exim's try goes on until its pipe has ended, so it is waited for
        by the next one."""
        self.settle()
        quiet = subprocess.DEVNULL
        self.flushing.append(subprocess.Popen(self.flush_command, stdout=quiet, stderr=quiet))

    def settle(self) -> None:
        while self.flushing:
            self.flushing.pop().wait(120)


MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = /tmp
myhostname = mx.school.example
mydestination = school.example
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps = texthash:{folder}/aliases
alias_database =
local_recipient_maps =
default_privs = nobody
relayhost = [127.0.0.1]:{relay}
disable_dns_lookups = yes
"""
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(relay: int) -> Iterator[MailSystem]:
    """Postfix, which passes mails on to a server on the port `relay`."""
    [port] = free_ports(1)
    with folder_for("postfix") as folder:
        etc = folder / "etc"
        for each in (etc, folder / "spool", folder / "data"):
            each.mkdir()
        shutil.chown(folder / "data", "postfix")
        (etc / "main.cf").write_text(MAIN.format(folder=folder, relay=relay))
        (etc / "master.cf").write_text(SERVICES.format(port=port))
        (folder / "aliases").write_text(f'desk "|{folder}/wrapper"\n')
        command = (POSTFIX, "-c", str(etc))
        subprocess.run([*command, "start"], check=True, timeout=60, capture_output=True)
        try:
            eventually(lambda: is_open(port))
            system = MailSystem(folder, port, (*command, "flush"), "log")
            yield system
            system.settle()
        finally:
            subprocess.run([*command, "stop"], check=False, timeout=60, capture_output=True)


CONFIGURATION = """
primary_hostname = mx.school.example
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
qualify_domain = school.example
acl_smtp_rcpt = everybody
begin acl
everybody:
  accept
begin routers
desk:
  driver = accept
  domains = school.example
  local_parts = desk
  transport = pipe
away:
  driver = manualroute
  route_list = mail.example 127.0.0.1
  self = send
  transport = relay
begin transports
pipe:
  driver = pipe
  command = {folder}/wrapper
  user = nobody
  group = nogroup
  home_directory = /
  current_directory = /
  message_prefix = "From ${{sender_address}} now\\n"
relay:
  driver = smtp
  port = {relay}
  allow_localhost
begin retry
* * F,1h,1s
"""


@contextmanager
def exim(relay: int) -> Iterator[MailSystem]:
    """Exim, which passes mails on to a server on the port `relay`."""
    [port] = free_ports(1)
    owner = pwd.getpwnam("Debian-exim")
    with folder_for("exim") as folder:
        for each in (folder, folder / "spool"):
            each.mkdir(exist_ok=True)
            os.chown(each, owner.pw_uid, owner.pw_gid)
        configuration = folder / "configuration"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, relay=relay))
        command = (EXIM, "-C", str(configuration))
        server = subprocess.Popen([*command, "-bdf", "-q30m"])
        try:
            eventually(lambda: is_open(port))
            system = MailSystem(folder, port, (*command, "-qff"), "mainlog")
            yield system
            system.settle()
        finally:
            server.terminate()
            server.wait(60)


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    folder = Path("/tmp") / f"{name}-{os.getpid()}"  # noqa: S108
    folder.mkdir(mode=0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

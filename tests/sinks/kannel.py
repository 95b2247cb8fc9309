"""Kannel as Debian packages it: bearerbox, smsbox, and its own fake SMSC, which shows each SMS.

apt-get install kannel kannel-extras
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import unquote_to_bytes

from tests.eventually import eventually
from tests.sinks.ports import free_ports, is_open

FAKE_SMSC = Path("/usr/lib/kannel/test/fakesmsc")
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = secret
smsbox-port = {boxes}
store-type = file
store-location = {folder}/store

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}

group = sendsms-user
username = USER
password = PASSWORD
default-sender = TUTOR
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = "none"
"""
SMS = re.compile(r"<(?P<sender>\S*) (?P<number>\S+) (?:udh \S+ )?(?P<kind>\S+) (?P<data>.*)>$")


@dataclass(frozen=True, slots=True)
class Sms:
    """One part as a phone would get it; `kind`: `text` in GSM's alphabet, `ucs-2`, or `data` in
    the parts of a long one."""

    number: str
    kind: str
    text: str


def is_installed() -> bool:
    return bool(shutil.which("bearerbox") and shutil.which("smsbox")) and FAKE_SMSC.exists()


class Kannel(AbstractContextManager["Kannel"]):
    """`port`: where smsbox takes /cgi-bin/sendsms."""

    def __init__(self, folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> None:
        """`changes`: text of the configuration above → what stands in its place."""
        self._folder, self._changes = folder, changes
        self._processes = ExitStack()
        names = ("admin", "boxes", "smsc", "http")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))

    @property
    def port(self) -> int:
        return self._ports["http"]

    def __enter__(self) -> Self:
        path = self._folder / "kannel.conf"
        text = CONFIGURATION.format(folder=self._folder, **self._ports)
        for old, new in self._changes.items():
            text = text.replace(old, new)
        path.write_text(text)
        self._begin("bearerbox", str(path), listens="boxes")
        self._begin("smsbox", str(path), listens="http")
        smsc = str(self._ports["smsc"])
        self._begin(str(FAKE_SMSC), "-H", "127.0.0.1", "-r", smsc, "-m", "0", "1 2 text none")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._processes.close()

    def parts(self) -> list[Sms]:
        """Each SMS that came out at the other side, in order."""
        lines = (self._folder / "fakesmsc.log").read_text(errors="replace").splitlines()
        found = (SMS.search(line) for line in lines if "Got message" in line)
        return [sms_of(each) for each in found if each]

    def _begin(self, program: str, *arguments: str, listens: str | None = None) -> None:
        log = self._processes.enter_context(
            (self._folder / f"{Path(program).name}.log").open("wb", buffering=0)
        )
        process = subprocess.Popen(
            [program, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self._folder,
        )
        self._processes.callback(process.wait)
        self._processes.callback(process.kill)
        if listens:
            eventually(lambda: is_open(self._ports[listens]))


def sms_of(found: re.Match[str]) -> Sms:
    data = unquote_to_bytes(found["data"].replace("+", "%20"))
    wide = found["kind"] in ("ucs-2", "data")
    text = data.decode("utf-16-be" if wide else "utf-8", "replace")
    return Sms(found["number"].replace("%2B", "+"), found["kind"], text)

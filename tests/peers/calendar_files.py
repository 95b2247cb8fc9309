"""Behaviour of calendar programs with our calendar files, and with sessions at a change of clocks.

    uv run python -m tests.peers.calendar_files [--sabre FOLDER]

Prints the tables of docs/calendar-files.md. Each program gets a session's first file, then the
later one that moves it, then the first once more, as if it had been late, and at last the
cancellation; with CALENDAR_METHOD=publish and request. Radicale, Xandikos and khal are installed
from PyPI, ical.js and node-ical with npm, pinned, in a temporary folder. The others are used where
they are installed, else left out:

    apt-get install calcurse gcc g++ libical-dev libkf5calendarcore-dev qtbase5-dev pkg-config \
        php-cli php-mbstring php-xml nodejs npm
    composer require sabre/vobject:4.6.0   # in the folder that --sabre names
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import requests
from icalendar import Calendar as CalendarFile
from icalendar import Event

from scheduler.message import Kind, Message
from scheduler.settings import CalendarMethod, Role
from tasks.messages.calendar import Calendar, invitations
from tests.eventually import eventually
from tests.sinks.ports import free_ports, is_open
from tests.tasks.messages.samples import ADDIS, HOUR, a_lesson, a_message, cancelled, moved

PIP = ("radicale==3.9.0", "xandikos==0.4.10", "khal==0.14.1")
NPM = ("ical.js@2.2.1", "node-ical@0.26.1")
READERS = Path(__file__).with_name("readers")
STEPS = ("the first", "the later one", "the first again", "the cancellation")
NEW_YORK = ZoneInfo("America/New_York")

Program = Callable[[Sequence[Path]], list[str]]


class NotHere(Exception):
    """A program that is not installed."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sabre", type=Path, help="a folder with vendor/autoload.php")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tools = Tools(Path(name), wish.sabre)
        print(f"| program | method | {' | '.join(STEPS)} |\n|---|---|---|---|---|---|")
        for label, program in tools.stores().items():
            for method in CalendarMethod:
                row = run(program, a_life(tools.new_folder(), method))
                print(f"| {label} | `{method.upper()}` | {' | '.join(row)} |")
        wanted = run(by_hand, clock_changes(tools.new_folder()))
        print(f"\nStart and end in UTC, as written: {'; '.join(wanted)}")
        for label, program in tools.readers().items():
            read = run(program, clock_changes(tools.new_folder()))
            print(f"{label}: {'the same' if read == wanted else '; '.join(read)}")


def run(program: Program, files: Sequence[Path]) -> list[str]:
    try:
        return program(files)
    except NotHere as missing:
        return [f"not run: {missing}"]


def a_life(folder: Path, method: CalendarMethod) -> list[Path]:
    """The files of one session, as a student gets them."""
    calendar = Calendar(ADDIS, "desk@school.example", method)
    told = a_lesson()
    first = a_message(told, role=Role.STUDENT)
    later = replace(told, starts_at=told.starts_at + 2 * HOUR, ends_at=told.ends_at + 2 * HOUR)
    stages = [
        first,
        at(a_message(moved(later, told.starts_at), kind=Kind.NOTICE, role=Role.STUDENT), minutes=5),
        first,
        at(a_message(cancelled(later), kind=Kind.NOTICE, role=Role.STUDENT), minutes=10),
    ]
    return [written(folder, number, each, calendar) for number, each in enumerate(stages)]


def at(message: Message, minutes: int) -> Message:
    return replace(message, at=message.at + timedelta(minutes=minutes))


def clock_changes(folder: Path) -> list[Path]:
    """Of New York in 2026: an hour of which the first half is left out, an hour and a half across
    the gap, and one that ends in the first of the two hours from 01:00."""
    spans = [((3, 8, 7, 30), 60), ((3, 8, 6, 30), 90), ((11, 1, 4, 30), 60)]
    calendar = Calendar(NEW_YORK, "desk@school.example")
    files = []
    for number, (start, minutes) in enumerate(spans):
        starts_at = datetime(2026, *start, tzinfo=UTC)
        lesson = a_lesson(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=minutes))
        files.append(written(folder, number, a_message(lesson), calendar))
    return files


def written(folder: Path, number: int, message: Message, calendar: Calendar) -> Path:
    (file,) = invitations(message, calendar)
    path = folder / f"{number}.ics"
    path.write_bytes(file.content)
    return path


def by_hand(files: Sequence[Path]) -> list[str]:
    """With the library that wrote them."""
    found = []
    for path in files:
        [event] = events_in(path.read_bytes())
        found.append(f"{in_utc(event.start)} {in_utc(event.end)}")
    return found


class Tools:
    """Everything that is installed for this run, and what it makes of files."""

    def __init__(self, folder: Path, sabre: Path | None) -> None:
        self._folder, self._sabre = folder, sabre
        venv.create(folder / "python")
        self._bin = folder / "python" / "bin"
        install: list[str | Path] = [
            "uv",
            "pip",
            "install",
            "-q",
            "--python",
            self._bin / "python",
            *PIP,
        ]
        subprocess.run(install, cwd=folder, check=True)
        if shutil.which("npm"):
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", *NPM]
            subprocess.run(install, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))

    def stores(self) -> dict[str, Program]:
        return {
            "sabre/vobject 4.6.0, `ITip\\Broker` (Nextcloud)": self.broker,
            "Radicale (CalDAV)": self.radicale,
            "Xandikos (CalDAV)": self.xandikos,
            "khal": self.khal,
            "calcurse": self.calcurse,
            "KCalendarCore (KDE)": self.kde_store,
        }

    def readers(self) -> dict[str, Program]:
        return {
            "ical.js 2.2.1": lambda files: self.node("ical.js", files),
            "node-ical 0.26.1": lambda files: self.node("node-ical", files),
            "libical": self.libical,
            "KCalendarCore": lambda files: self.kde("times", files),
            "sabre/vobject 4.6.0": lambda files: self.php("times.php", files),
        }

    def broker(self, files: Sequence[Path]) -> list[str]:
        return [in_words(line) for line in self.php("broker.php", files)]

    def php(self, script: str, files: Sequence[Path]) -> list[str]:
        if self._sabre is None or not shutil.which("php"):
            raise NotHere("php and --sabre")
        return lines_of("php", READERS / script, self._sabre, *files)

    def node(self, library: str, files: Sequence[Path]) -> list[str]:
        if not shutil.which("npm"):
            raise NotHere("npm")
        return lines_of("node", READERS / "times.mjs", library, *files, cwd=self._folder)

    def libical(self, files: Sequence[Path]) -> list[str]:
        program = self.built("gcc", "times.c", "-lical")
        return lines_of(program, *files)

    def kde_store(self, files: Sequence[Path]) -> list[str]:
        return [in_words(line) for line in self.kde("store", files)]

    def kde(self, what: str, files: Sequence[Path]) -> list[str]:
        core, gui = "/usr/include/KF5", ["pkg-config", "--cflags", "--libs", "Qt5Gui"]
        if not Path(core, "KCalendarCore").exists():
            raise NotHere("libkf5calendarcore-dev")
        flags = subprocess.run(gui, check=True, capture_output=True, text=True).stdout.split()
        include = [f"-I{core}", f"-I{core}/KCalendarCore"]
        program = self.built("g++", "kde.cpp", "-fPIC", *include, "-lKF5CalendarCore", *flags)
        return lines_of(program, what, *files)

    def built(self, compiler: str, source: str, *options: str) -> Path:
        program = self._folder / f"{source}.program"
        if not program.exists():
            if not shutil.which(compiler):
                raise NotHere(compiler)
            words: list[str | Path] = [compiler, READERS / source, "-o", program, *options]
            if subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode:
                raise NotHere(source)
        return program

    def radicale(self, files: Sequence[Path]) -> list[str]:
        store = self.new_folder()
        [port] = free_ports(1)
        words: list[str | Path] = [
            self._bin / "radicale", "--config", os.devnull, "--auth-type", "none",
            "--storage-filesystem-folder", store, "--server-hosts", f"127.0.0.1:{port}",
        ]  # fmt: skip
        with running(words, port):
            home = f"http://127.0.0.1:{port}/anybody/lessons"
            requests.request("MKCALENDAR", f"{home}/", timeout=10, auth=("anybody", ""))
            return [put(f"{home}/session-17.ics", each) for each in files]

    def xandikos(self, files: Sequence[Path]) -> list[str]:
        [port] = free_ports(1)
        words: list[str | Path] = [
            self._bin / "xandikos", "serve", "-d", self.new_folder(), "--defaults",
            "-l", "127.0.0.1", "-p", str(port), "--no-detect-systemd",
        ]  # fmt: skip
        with running(words, port):
            home = f"http://127.0.0.1:{port}/user/calendars/calendar"
            return [put(f"{home}/session-17.ics", each) for each in files]

    def khal(self, files: Sequence[Path]) -> list[str]:
        folder, home = self.new_folder(), self.new_folder()
        settings = home / "config"
        settings.write_text(
            f"[calendars]\n[[lessons]]\npath = {folder}\n[locale]\n"
            "local_timezone = UTC\ndefault_timezone = UTC\n"
            f"[sqlite]\npath = {home}/khal.db\n"
        )
        seen = []
        for each in files:
            lines_of(self._bin / "khal", "-c", settings, "import", "--batch", "-a", "lessons", each)
            seen.append(entries(path.read_bytes() for path in folder.glob("*.ics")))
        return seen

    def calcurse(self, files: Sequence[Path]) -> list[str]:
        if not shutil.which("calcurse"):
            raise NotHere("calcurse")
        folder = self.new_folder()
        here: list[str | Path] = ["calcurse", "-D", folder, "-C", folder, "--quiet"]
        seen = []
        for each in files:
            lines_of(*here, "-i", each)
            told = subprocess.run([*here, "-x"], check=True, capture_output=True).stdout
            # It writes an alarm of five minutes as -P300S, which is no duration (RFC 5545, 3.3.6).
            seen.append(entries([told.replace(b":-P", b":-PT")]))
        return seen


def put(url: str, file: Path) -> str:
    """The entries that the server has afterwards."""
    body = file.read_bytes()
    kind = {"Content-Type": "text/calendar; charset=utf-8"}
    answer = requests.put(url, body, headers=kind, auth=("anybody", ""), timeout=10)
    there = requests.get(url, auth=("anybody", ""), timeout=10)
    kept = entries([there.content]) if there.ok else "none"
    return kept if answer.ok else f"{answer.status_code}: {kept}"


def entries(files: Iterator[bytes] | Sequence[bytes]) -> str:
    found = [
        f"{in_utc(event.start)} {event.get('STATUS', '')}"
        for each in files
        for event in events_in(each)
    ]
    return "; ".join(in_words(each) for each in found) or "none"


def events_in(file: bytes) -> list[Event]:
    found = CalendarFile.from_ical(file).walk("VEVENT")
    return [each for each in found if isinstance(each, Event)]


def in_utc(at: date) -> str:
    """Of a time, as a calendar file writes it; one without a zone is this machine's."""
    assert isinstance(at, datetime)
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def in_words(line: str) -> str:
    """An entry by its hour in Addis Ababa: 14:00 at first, 16:00 after the move."""
    start, _, status = line.strip().partition(" ")
    if start == "none":
        return "none"
    wall = datetime.strptime(start.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
    if start.endswith("Z"):
        wall = wall.replace(tzinfo=UTC).astimezone(ADDIS)
    return f"{wall:%H:%M}{', cancelled' if 'CANCELLED' in status else ''}"


def lines_of(*words: str | Path, cwd: Path | None = None) -> list[str]:
    done = subprocess.run(words, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return [line.strip() for line in done.stdout.splitlines()]


@contextmanager
def running(words: Sequence[str | Path], port: int) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: is_open(port))
        yield
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()

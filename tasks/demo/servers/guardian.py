"""Process that stops a workspace's processes and removes its folders, however its owner ended.

Run as a script, in a session of its own, with a pipe from the owner as standard input:
`guardian.py FOLDER…`. A line `+ PID SIGNAL` puts a process group in its care, `- PID` takes it out.
When the pipe ends, because the owner closed it or was killed, each group gets its signal, those
that stay are killed, and the folders are removed. It imports the standard library alone.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable

GRACE_SECONDS = 8.0
# Time for a killed process to disappear, and for removing files that it still created.
LAST_SECONDS = 5.0
POLL_SECONDS = 0.02
# A process forked by the owner may keep the pipe open after its end: so the parent's id is checked
# too.
ORPHAN_CHECK_SECONDS = 0.5


def main(folders: list[str]) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    stop(listen(os.getppid()))
    remove(folders)


def listen(owner: int) -> dict[int, int]:
    """Read commands until the owner ends or closes the pipe; returns the groups in care (id →
    signal)."""
    groups: dict[int, int] = {}
    unread = b""
    while True:
        orphaned = os.getppid() != owner  # checked first, so that its last commands are still read
        if not select.select([0], [], [], 0 if orphaned else ORPHAN_CHECK_SECONDS)[0]:
            if orphaned:
                break
            continue
        piece = os.read(0, 4096)
        if not piece:
            break
        *lines, unread = (unread + piece).split(b"\n")
        for line in lines:
            note(groups, line.split())
    return groups


def note(groups: dict[int, int], words: list[bytes]) -> None:
    if words[0] == b"+":
        groups[int(words[1])] = int(words[2])
    else:
        groups.pop(int(words[1]), None)


def stop(groups: dict[int, int]) -> None:
    """Stop process groups: send each its last signal, and SIGKILL after GRACE_SECONDS."""
    for group, last_signal in groups.items():
        send(group, last_signal)
    wait_while(lambda: any(map(stands, groups)), GRACE_SECONDS)
    for group in groups:
        send(group, signal.SIGKILL)
    wait_while(lambda: any(map(stands, groups)), LAST_SECONDS)


def remove(folders: list[str]) -> None:
    """Remove folders, repeatedly: a process killed just before may still have created a file."""

    def remains() -> bool:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return any(map(os.path.exists, folders))

    wait_while(remains, LAST_SECONDS)


def wait_while(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while condition() and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def stands(group: int) -> bool:
    """True if a group has a process that is not a zombie: in a container, init may never reap
    those.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS reports this for a group of zombies
        return False
    return not os.path.isdir("/proc/self") or any(map(runs, members_of(group)))


def members_of(group: int) -> list[int]:
    return [process for process in processes() if stat_of(process)[2:3] == [str(group)]]


def children_of(pid: int) -> list[int]:
    """The child processes of this one (Linux only)."""
    return [process for process in processes() if stat_of(process)[1:2] == [str(pid)]]


def runs(pid: int) -> bool:
    """True if the process exists and is not a zombie (Linux only)."""
    return stat_of(pid)[:1] not in ([], ["Z"])


def processes() -> list[int]:
    names = os.listdir("/proc") if os.path.isdir("/proc/self") else []
    return [int(name) for name in names if name.isdigit()]


def stat_of(pid: int) -> list[str]:
    """State, parent, process group and so on (proc(5)); empty if there is no such process."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
        # The preceding name, in parentheses, may itself contain spaces and parentheses.
        return stat.read().rpartition(")")[2].split()
    return []


if __name__ == "__main__":
    main(sys.argv[1:])

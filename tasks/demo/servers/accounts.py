"""Accounts that servers run as: PostgreSQL refuses root, so root lends it another user."""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tasks.demo.servers.failure import EmbeddedServerFailed


@dataclass(frozen=True, slots=True)
class Account:
    """An existing user without privileges."""

    user_id: int
    group_id: int

    def takes(self, path: Path) -> None:
        """Hand over a file or a folder with all that is in it."""
        for entry in (path, *path.rglob("*")):
            os.chown(entry, self.user_id, self.group_id, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether everybody may pass every folder above `path`, and read it.

        Stricter than the truth where a group or an ACL lets the account in: then a copy is made
        that was not needed, which does no harm.
        """
        above = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
        return above and bool(path.stat().st_mode & stat.S_IROTH)


def unprivileged_account() -> Account | None:
    """None where this process may run PostgreSQL itself; else `nobody`, or the next who exists."""
    if os.geteuid() != 0:
        return None
    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    users.sort(key=lambda user: user.pw_name != "nobody")
    if not users:
        raise EmbeddedServerFailed(
            "PostgreSQL refuses to run as root, and no other user exists: run as a normal one."
        )
    return Account(users[0].pw_uid, users[0].pw_gid)


def temporary_root() -> Path:
    """Where temporary folders go: as `tempfile` says, unless the lent account cannot get there.

    A socket's path holds 107 bytes at most (unix(7)), so a deep TMPDIR is left alone too.
    """
    wished = Path(tempfile.gettempdir()).resolve()
    account = unprivileged_account()
    reached = account is None or account.reaches(wished)
    return wished if reached and len(str(wished)) < 60 else Path("/tmp")  # noqa: S108


MEMORY = Path("/dev/shm")  # noqa: S108
ROOM_BYTES = 2 * 1024**3  # a container's is often 64 MB: too small for a server


def memory_root() -> Path | None:
    """Linux's file system in memory; None where it lacks, is closed to us or has little room.

    Cloning a database makes hundreds of files: measured 35 ms here, 500 ms on a busy disk.
    """
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(MEMORY)
    return MEMORY if room.f_bavail * room.f_frsize >= ROOM_BYTES else None


def copy_tree(source: Path, target: Path, account: Account) -> None:
    """Copy a folder for an account that cannot reach the original; build files stay behind."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include"))
    target.chmod(0o755)
    account.takes(target)

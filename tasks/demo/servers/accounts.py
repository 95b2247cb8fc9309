"""Accounts that servers run as: PostgreSQL refuses to run as root, so root starts it as another
user."""

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
        """Change the owner of a file, or of a folder with its content, to this account."""
        for entry in (path, *path.rglob("*")):
            os.chown(entry, self.user_id, self.group_id, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """True if every user may read `path` and search all folders above it.

        Access by a group or an ACL is ignored: the copy that is then made is needless but harmless.
        """
        above = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
        return above and bool(path.stat().st_mode & stat.S_IROTH)


def unprivileged_account() -> Account | None:
    """None if this process may run PostgreSQL itself; else `nobody`, or any other user."""
    if os.geteuid() != 0:
        return None
    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    users.sort(key=lambda user: user.pw_name != "nobody")
    if not users:
        raise EmbeddedServerFailed(
            "PostgreSQL refuses to run as root, and no other user exists: run as a normal one."
        )
    return Account(users[0].pw_uid, users[0].pw_gid)


# unix(7): the longest path of a socket, in bytes, and that of PostgreSQL below the root.
SOCKET_BYTES = 107
BELOW_ROOT = len("/session-worker-12345678/postgres-12345678/.s.PGSQL.5432")


def temporary_root() -> Path:
    """The parent of temporary folders: that of `tempfile`, or /tmp if the account cannot reach it
    or its path is too long for PostgreSQL's socket.
    """
    wished = Path(tempfile.gettempdir()).resolve()
    account = unprivileged_account()
    reached = account is None or account.reaches(wished)
    fits = len(os.fsencode(wished)) + BELOW_ROOT <= SOCKET_BYTES
    return wished if reached and fits else Path("/tmp")  # noqa: S108


MEMORY = Path("/dev/shm")  # noqa: S108
ROOM_BYTES = 2 * 1024**3  # in containers it often has 64 MB: too small for a server


def memory_root() -> Path | None:
    """Linux's file system in memory; None if it is missing, not writable or too small.

    Cloning a database makes hundreds of files: measured 35 ms here, 500 ms on a busy disk.
    """
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(MEMORY)
    return MEMORY if room.f_bavail * room.f_frsize >= ROOM_BYTES else None


def copy_tree(source: Path, target: Path, account: Account) -> None:
    """Copy a folder for an account that cannot reach the original, without build files."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include"))
    target.chmod(0o755)
    account.takes(target)

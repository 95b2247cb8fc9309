"""The order to stop (TERM): no message is begun after it, and what is begun has some seconds.

A worker's processes share it: the signal reaches the main one, and those that were forked send.
Source: design, "Stopping".
"""

import mmap
import struct
import time
from dataclasses import dataclass, field

# A container is killed ten seconds after TERM. What has no answer by then is recorded before.
ANSWERS_WITHIN_SECONDS = 8.0
POLL_SECONDS = 0.1
INSTANT = struct.Struct("d")


def shared_memory() -> mmap.mmap:
    """A page that this process shares with those it forks."""
    return mmap.mmap(-1, INSTANT.size)


@dataclass(frozen=True, slots=True)
class Stop:
    """Asked for once, for good. Instants are of `time.monotonic`, which processes share.

    `own`: when this process alone was asked, if it was.
    """

    memory: mmap.mmap = field(default_factory=shared_memory, repr=False)
    own: list[float] = field(default_factory=list, repr=False)

    def ask(self) -> None:
        """All processes that share this."""
        if not self.asked:
            INSTANT.pack_into(self.memory, 0, time.monotonic())

    def ask_here(self) -> None:
        """This process alone; those that it forked before go on."""
        if not self.asked:
            self.own.append(time.monotonic())

    @property
    def asked(self) -> bool:
        return self._asked_at > 0

    @property
    def seconds_left(self) -> float:
        """For answers to what was begun; endless while nobody asked."""
        if not self.asked:
            return float("inf")
        return self._asked_at + ANSWERS_WITHIN_SECONDS - time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep so long, or until somebody asks to stop."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))

    @property
    def _asked_at(self) -> float:
        at: float = INSTANT.unpack_from(self.memory, 0)[0]
        return at or next(iter(self.own), 0.0)


# Of this worker; made before its processes fork.
WORKER_STOP = Stop()

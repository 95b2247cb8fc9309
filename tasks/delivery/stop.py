"""Stop request (TERM): after it no message is begun, and those begun have some seconds to end.

The processes of a worker share it, as the signal reaches the main one and the forked ones send.
Source: design, "Stopping".
"""

import mmap
import struct
import time
from dataclasses import dataclass, field

# Seconds for answers. Containers are killed ten seconds after TERM, and messages without an answer
# have to be recorded before.
ANSWERS_WITHIN_SECONDS = 8.0
POLL_SECONDS = 0.1
INSTANT = struct.Struct("d")


def shared_memory() -> mmap.mmap:
    """A page of memory that this process shares with the processes that it forks."""
    return mmap.mmap(-1, INSTANT.size)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop request, which cannot be undone. Instants are of `time.monotonic`, the same in all
    processes.

    `own`: the instant of a request to this process alone.
    """

    memory: mmap.mmap = field(default_factory=shared_memory, repr=False)
    own: list[float] = field(default_factory=list, repr=False)

    def ask(self) -> None:
        """Request a stop of all processes that share this."""
        if not self.asked:
            INSTANT.pack_into(self.memory, 0, time.monotonic())

    def ask_here(self) -> None:
        """Request a stop of this process alone; processes forked before continue."""
        if not self.asked:
            self.own.append(time.monotonic())

    @property
    def asked(self) -> bool:
        return self._asked_at > 0

    @property
    def seconds_left(self) -> float:
        """Seconds left for answers to messages that were begun; infinite without a request."""
        if not self.asked:
            return float("inf")
        return self._asked_at + ANSWERS_WITHIN_SECONDS - time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, or return early at a stop request."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))

    @property
    def _asked_at(self) -> float:
        at: float = INSTANT.unpack_from(self.memory, 0)[0]
        return at or next(iter(self.own), 0.0)


# The stop request of this worker, made before its processes fork.
WORKER_STOP = Stop()

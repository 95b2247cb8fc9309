"""Forked copies of the test process.

Not by `multiprocessing`, which first has Kombu clean up what the fork inherited: with a consumer of
Redis open in the parent, that waits for ever for a reply that the parent reads.
"""

import os
from collections.abc import Callable


def fork(action: Callable[[], object]) -> int:
    """Run the action in a forked copy of this process. Returns its process id; `exit_code` waits
    for it."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        action()
        code = 0
    finally:
        os._exit(code)


def exit_code(pid: int) -> int:
    """Wait for the end: 0, 1 after an exception, or minus the signal that ended the process."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

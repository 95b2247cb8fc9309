"""Ctrl-C while the main thread waits in a library's C code.

Python calls its handler only once that code returns, and libpq waits on after a signal: for minutes
where another process holds a lock. So a thread hears the signal by `signal.set_wakeup_fd` and ends
the wait; then Python raises KeyboardInterrupt.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread

# Ends of waits, by the libraries that wait; each is called in the hearing thread.
END_WAITS: list[Callable[[], None]] = []


class Hearing:
    """Is Ctrl-C heard in this process now?"""

    on = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Hear Ctrl-C at once within the block. Only the main thread can."""
    if current_thread() is not main_thread():
        yield
        return
    heard, told = os.pipe()
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    Thread(target=hear, args=(heard,), daemon=True, name="ctrl-c").start()
    was_on, Hearing.on = Hearing.on, True
    try:
        yield
    finally:
        Hearing.on = was_on
        signal.set_wakeup_fd(before)
        os.close(told)  # the thread reads its end, and ends


def hear(heard: int) -> None:
    with open(heard, "rb", buffering=0) as signals:
        while numbers := signals.read(64):
            if signal.SIGINT in numbers and raises():
                for end in END_WAITS:
                    end()


def raises() -> bool:
    """Does Ctrl-C raise KeyboardInterrupt? A handler of another kind wants work to be finished."""
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


def await_call(call: Callable[[], None]) -> None:
    """Call in a thread and wait for it, so that Ctrl-C ends the wait where nothing else can end the
    call. It is then left alone. Outside of `interruptible`, and in other threads, simply call."""
    if not Hearing.on or current_thread() is not main_thread():
        call()
        return
    errors: list[BaseException] = []
    over = Event()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # raised again where the call was made
            errors.append(error)
        over.set()

    Thread(target=run, daemon=True, name="awaited call").start()
    over.wait()
    if errors:
        raise errors[0]

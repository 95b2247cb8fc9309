"""Scenario of the demo, act by act."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from time import monotonic, sleep

from celery import Celery

from tasks.demo import people as cast
from tasks.demo.display import Display
from tasks.demo.lessons import add_sessions, entered_now, standing_sessions
from tasks.demo.observations import Observations, observe
from tasks.demo.people import People, add_people, address_of
from tasks.demo.stage import DemoFailed, Processes, Stage, stage
from tasks.demo.summary import Summary

LOOK_SECONDS = 0.2
# Time limit from the start. It takes 20 s, on a busy machine longer; then missing parts are
# reported.
RULES_BY = 60.0
MAILS_BY = 80.0

# Reminders to a tutor with one student and to one with a group, and an alarm to a student.
TOLD = ("Almaz", "Girma", "Dawit")
UNDER_WAY = {"planned", "claimed", "sending"}


class Ending(Enum):
    """End of the demo: by itself, or on Ctrl-C."""

    AT_ONCE = "when all is shown"
    AT_CTRL_C = "when the user says so"


@dataclass(frozen=True, slots=True)
class Play:
    """State of a running demo. `begun` is a reading of the monotonic clock."""

    on: Stage
    display: Display
    processes: Processes
    people: People
    begun: float


def play(display: Display, ending: Ending) -> None:
    """Play all acts, then stop everything that was started.

    Raises DemoFailed where rows or mails do not come, and what the embedded servers raise.
    """
    begun = monotonic()
    display.say("Starting PostgreSQL 18, Valkey and a mail server, for this demo alone")
    with stage() as on:
        people, sessions = build_site(on, display)
        display.say("Starting `celery -A tasks worker` and `celery -A tasks beat`")
        playing = Play(on, display, Processes(on), people, begun)
        rules_become_rows(playing)
        seen = messages_arrive(playing)
        display.sum_up(Summary(monotonic() - begun, sessions, seen))
        if ending is Ending.AT_CTRL_C:
            stay(playing)
        playing.processes.stop()


def build_site(on: Stage, display: Display) -> tuple[People, int]:
    today = datetime.now(UTC).astimezone(on.settings.zone).date()
    with on.engine.begin() as conn:
        people = add_people(conn)
        sessions = add_sessions(conn, people, standing_sessions(today))
    persons = len(cast.TUTORS) + len(cast.STUDENTS) + 1
    display.say(f"A site with {persons} people and {len(sessions)} sessions, as messy as real ones")
    return people, len(sessions)


def rules_become_rows(playing: Play) -> None:
    # Beat queues it too, half a minute after its start.
    ask = Celery(broker=playing.on.broker_url, set_as_current=False)
    ask.send_task("tasks.planning.expand", queue="planning")
    seen = watch(playing, rules_are_read, RULES_BY, what_lacks_of_rules)
    playing.display.say(f"{seen.rows} rows made from {len(seen.rules)} rules")


def rules_are_read(seen: Observations) -> bool:
    return seen.ticked and seen.rows > 0 and all(rule.state for rule in seen.rules)


def what_lacks_of_rules(seen: Observations) -> str:
    if not seen.ticked:
        return "beat's first tick was not carried out"
    unread = sum(rule.state is None for rule in seen.rules)
    return f"{unread} rules were not read"


def messages_arrive(playing: Play) -> Observations:
    """Enter sessions as tutors would, after beat's first tick: nothing due before that is sent."""
    now = datetime.now(UTC).astimezone(playing.on.settings.zone).replace(tzinfo=None)
    with playing.on.engine.begin() as conn:
        added = add_sessions(conn, playing.people, entered_now(now))
    playing.display.say(
        f"Tutors enter {len(added)} sessions: in 15 minutes, and for a group tomorrow"
    )
    return watch(playing, everybody_is_told, MAILS_BY, what_lacks_of_mails)


def everybody_is_told(seen: Observations) -> bool:
    settled = not any(message.state in UNDER_WAY for message in seen.messages)
    return settled and not not_told(seen) and bool(unreached(seen))


def not_told(seen: Observations) -> list[str]:
    told = {mail.recipient for mail in seen.mails}
    return [address for address in map(address_of, TOLD) if address not in told]


def unreached(seen: Observations) -> list[str]:
    return [message.person for message in seen.messages if message.state == "unreachable"]


def what_lacks_of_mails(seen: Observations) -> str:
    if missing := not_told(seen):
        return f"no mail to {', '.join(missing)}"
    if not unreached(seen):
        return f"{cast.WITHOUT_ADDRESS}, who has no address, is not noted as unreachable"
    return "a message is still under way"


def watch(
    playing: Play,
    reached: Callable[[Observations], bool],
    by: float,
    lacks: Callable[[Observations], str],
) -> Observations:
    """Observe and display until the condition holds. Raises DemoFailed at the time limit, or if a
    process ends."""
    while True:
        with playing.on.engine.connect() as conn:
            seen = observe(conn, playing.on.mailbox.mails)
        playing.display.show(seen)
        if reached(seen):
            return seen
        playing.processes.check()
        if monotonic() - playing.begun > by:
            error = playing.processes.last_error() or "no error in the worker's log"
            raise DemoFailed(f"{lacks(seen)} within {by:.0f} seconds: {error}")
        sleep(LOOK_SECONDS)


def stay(playing: Play) -> None:
    """Keep it running for inspection from another shell, until Ctrl-C."""
    settings = " ".join(f"{name}='{value}'" for name, value in playing.on.environment.items())
    playing.display.say(f"All of it runs on until Ctrl-C. For another shell: export {settings}")
    with suppress(KeyboardInterrupt):
        watch(playing, lambda _: False, float("inf"), lambda _: "")

"""Display of the demo: live in a terminal, line by line in a pipe, none beside `--json`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Protocol

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from tasks.demo.mailbox import Mail
from tasks.demo.observations import MessageSeen, Observations, RuleSeen
from tasks.demo.summary import Summary, mail_words, words

# Lines of the screen besides the table of rules.
BESIDE_RULES = 20
LEAST_RULES = 4
SHOWN_MESSAGES = 6
SHOWN_SAYINGS = 4


class Display(Protocol):
    """Display of the demo: live on a terminal, or line by line in a pipe."""

    def say(self, line: str) -> None:
        """Announce the next act."""

    def show(self, seen: Observations) -> None:
        """Show the current state; called several times a second."""

    def sum_up(self, summary: Summary) -> None:
        """Show the summary; called once."""


class Lines(AbstractContextManager["Lines"]):
    """A line for each event, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = monotonic()
        self._known: dict[object, str] = {}

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, line: str) -> None:
        self._console.print(f"{monotonic() - self._begun:5.1f} s  {line}", soft_wrap=True)

    def show(self, seen: Observations) -> None:
        for about, line in events(seen):
            if self._known.get(about) != line:
                self.say(line)
        self.knows(seen)

    def knows(self, seen: Observations) -> None:
        """Record the current lines as shown."""
        self._known = dict(events(seen))

    def sum_up(self, summary: Summary) -> None:
        print_summary(self._console, summary)


def events(seen: Observations) -> Iterator[tuple[object, str]]:
    """Pairs of subject and line; a line that changes is printed again."""
    for rule in seen.rules:
        if rule.state is not None:
            yield ("rule", rule.session_id), rule_line(rule)
    for message in seen.messages:
        yield ("message", message.id), message_line(message)
    for number, mail in enumerate(seen.mails):
        yield ("mail", number), mail_line(mail)


def rule_line(rule: RuleSeen) -> str:
    return f"rule {rule.session_id} ({rule.lesson}), {rule.words}: {rule_outcome(rule)}"


def rule_outcome(rule: RuleSeen) -> str:
    if rule.state is None:
        return "not read yet"
    if rule.state != "active":
        return f"{rule.state}" + (f" ({rule.reason})" if rule.reason else "")
    conflicts = f", {rule.conflicts} in conflict" if rule.conflicts else ""
    return f"{rule.rows} rows{conflicts}"


def message_line(message: MessageSeen) -> str:
    return f"{message_subject(message)}: {message_outcome(message)}"


def message_subject(message: MessageSeen) -> str:
    return f"{message.kind} {message.lead_minutes} min before, to {message.person} ({message.role})"


def message_outcome(message: MessageSeen) -> str:
    return message.state + (f" ({message.reason})" if message.reason else "")


def mail_line(mail: Mail) -> str:
    return f"mail {mail_words(mail)}"


class Screen(AbstractContextManager["Screen"]):
    """Live tables of the current state; after the closing summary, a line for each event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sayings: list[str] = []
        self._seen: Observations | None = None
        self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=5)
        self._lines = Lines(console)

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        if self._live.is_started:
            self._sayings.append(line)
        else:
            self._lines.say(line)

    def show(self, seen: Observations) -> None:
        self._seen = seen
        if not self._live.is_started:
            self._lines.show(seen)

    def sum_up(self, summary: Summary) -> None:
        self._live.stop()
        self._lines.knows(summary.seen)
        print_summary(self._console, summary)

    def _picture(self) -> RenderableType:
        sayings = [f"· {line}" for line in self._sayings[-SHOWN_SAYINGS:]]
        if self._seen is None:
            return Group(*sayings)
        room = max(LEAST_RULES, self._console.height - BESIDE_RULES)
        tables = [rules_table(self._seen, room)]
        if self._seen.messages:
            tables.append(messages_table(self._seen))
        return Group(*sayings, *tables)


def rules_table(seen: Observations, room: int) -> Table:
    table = small_table(f"Rules → {seen.rows} rows", "Session", "Lesson", "Rule", "Outcome")
    for rule in seen.rules[:room]:
        table.add_row(
            str(rule.session_id), rule.lesson, rule.words, rule_outcome(rule), style=style_of(rule)
        )
    if len(seen.rules) > room:
        table.add_row("", f"and {len(seen.rules) - room} more", "", "")
    return table


def style_of(rule: RuleSeen) -> str:
    return {"active": "green", "unreadable": "red", None: "dim"}.get(rule.state, "yellow")


def messages_table(seen: Observations) -> Table:
    table = small_table(f"Messages → {len(seen.mails)} mails", "Message", "Outcome")
    for message in seen.messages[-SHOWN_MESSAGES:]:
        table.add_row(message_subject(message), message_outcome(message))
    for mail in seen.mails[-SHOWN_MESSAGES:]:
        table.add_row(f"✉ {mail.subject}", f"to {mail.recipient}", style="bold green")
    return table


def small_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=len(column))
    return table


def print_summary(console: Console, summary: Summary) -> None:
    console.print()
    for line in words(summary):
        console.print(line, soft_wrap=True)


class Document(AbstractContextManager["Document"]):
    """Display of the summary only, formatted by `write`."""

    def __init__(self, write: Callable[[Summary], Any]) -> None:
        self._write = write

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, line: str) -> None:
        """Nothing is printed."""

    def show(self, seen: Observations) -> None:
        """Nothing is printed."""

    def sum_up(self, summary: Summary) -> None:
        click.echo(self._write(summary))

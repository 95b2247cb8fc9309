"""The class of the worker's commands, and the imports that a command's module needs.

@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT, help="Run as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def expand(as_of: datetime | None, as_json: bool) -> None: ...
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from celery.bin.base import CeleryCommand
from click.core import ParameterSource

from tasks.commands.inputs import DAY, INSTANT, PERSON, ROW_ID, WORDS
from tasks.commands.output import (
    console,
    counted,
    json_document,
    let_output_go,
    timed,
    write_any_letter,
)
from tasks.failures.interrupt import interruptible
from tasks.failures.lines import ExitCode, Failure, Refused, is_output_error, printable

__all__ = [
    "DAY",
    "INSTANT",
    "PERSON",
    "ROW_ID",
    "WORDS",
    "ExitCode",
    "Refused",
    "WorkerCommand",
    "WorkerGroup",
    "console",
    "counted",
    "json_document",
    "printable",
    "timed",
]


class EndsInLines(click.Command):
    """The one place where an exception becomes a line and an exit code (design, "Commands")."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        path = f"{parent.command_path} {info_name}" if parent else str(info_name)
        with failures_as_lines(path):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        write_any_letter()
        with failures_as_lines(ctx.command_path), interruptible():
            return super().invoke(ctx)


class WorkerCommand(EndsInLines, CeleryCommand):
    """A command of the worker."""


class WorkerGroup(EndsInLines, click.Group):
    """Commands under one name, such as `series end`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse `deliveries --json pause`, where the option would have no effect."""
        for param in self.params:
            if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
                ctx.fail(f"{param.opts[0]} has no effect on {args[0]}: write it after {args[0]}.")
        return super().resolve_command(ctx, args)


@contextmanager
def failures_as_lines(command_path: str) -> Iterator[None]:
    """Turn known exceptions of a command, and Ctrl-C, into an end that click shows in one line."""
    try:
        with errors_as_lines(command_path):
            yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


@contextmanager
def errors_as_lines(command_path: str) -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        raise usage_failure(error, command_path) from None
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if is_output_error(error):
            let_output_go()
        from tasks.failures.known import failure_of  # slow to import

        failure = failure_of(error)
        if failure is None:
            raise
        raise failure from error


def usage_failure(error: click.UsageError, command_path: str) -> Failure:
    """Click's usage error as one line, without the usage."""
    words = " ".join(error.format_message().split())
    return Failure((f"{words} See `{command_path} --help`.",), ExitCode.USAGE)

"""`celery -A tasks audit`: check of the promises in the existing rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import (
    INSTANT,
    ExitCode,
    WorkerCommand,
    console,
    counted,
    json_document,
)

if TYPE_CHECKING:
    from tasks.commands.documents import AuditDocument


@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT, help="Look as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def audit(context: click.Context, as_of: datetime | None, as_json: bool) -> None:
    """Check the generated rows: no duplicates, no overlaps, a row or a reason for every date.

    Writes nothing. Exits 1 where there is an error. Notes show what people decided.

    Example: celery -A tasks audit --json
    """
    from rich.table import Table

    from scheduler.expansion.admin.audit import audit as audit_sessions
    from scheduler.finding import Severity
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    settings = load_settings()
    database = engine(settings)
    with counted("Series") as tell:
        found = audit_sessions(database, settings, as_of or engine_now(database), tell)
    ok = all(one.severity is not Severity.ERROR for one in found)
    if as_json:
        document: AuditDocument = {"ok": ok, "findings": found}
        click.echo(json_document(document))
    elif not found:
        console().print("All is well: nothing doubled, no overlap, every date accounted for.")
    else:
        table = Table("", "Finding", "Session", "Detail", box=None, header_style="bold")
        for one in found:
            table.add_row(one.severity.value, one.code, str(one.session_id), one.detail)
        console().print(table)
    context.exit(ExitCode.DONE if ok else ExitCode.PARTLY)

"""`celery -A tasks web`: the page of an installation, its metrics and probes."""

from __future__ import annotations

import sys

import click
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from tasks.commands.worker_command import WorkerCommand, console, json_document


class WebDocument(TypedDict):
    """Printed when it listens. `url`: where."""

    url: str


@click.command(cls=WorkerCommand)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0 chooses a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, once it listens.")
def web(host: str, port: int, as_json: bool) -> None:
    """Serve the page of this installation, /metrics for Prometheus, /healthz and /readyz.

    It only reads. On an address that others can reach it needs WEB_TOKEN, which is sent as
    `Authorization: Bearer`, or once as /?token=. Runs until Ctrl-C.

    Example: celery -A tasks web --port 8000
    """
    from scheduler.settings import load_settings
    from tasks.web.server import address_of, listen, refuse_strangers, serve  # slow to import

    settings = load_settings()
    refuse_strangers(settings, host)
    listening = listen(host, port)
    document: WebDocument = {"url": address_of(listening)}
    if as_json:
        click.echo(json_document(document))
    else:
        console().print(f"The page is at {document['url']} (Ctrl-C ends it).")
    sys.stdout.flush()
    serve(settings, listening)

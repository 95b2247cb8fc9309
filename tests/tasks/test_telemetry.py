"""Traces for OpenTelemetry: from a tick over the batch to the provider's call, and nothing else."""

import gzip
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import Connection, text

from tasks import telemetry
from tests.builders import a_session, a_student
from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.sinks.http import HttpSink
from tests.tasks.worker.run import running

ADDIS = ZoneInfo("Africa/Addis_Ababa")
NAME, ADDRESS = "Bontu", "bontu@tutoring.example"


@pytest.fixture
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    telemetry.tracer.cache_clear()
    telemetry.provider.cache_clear()


@pytest.mark.long
def test_one_trace_leads_from_a_tick_to_the_provider_and_names_nobody(
    conn: Connection, database: str, valkey: str, http_sink: HttpSink
) -> None:
    soon = datetime.now(ADDIS) + timedelta(minutes=10)
    student = a_student(conn, first_name=NAME, email=ADDRESS)
    a_session(
        conn, student_id=student, session_date=soon.date(), end_time=None, alarm_enabled=True,
        start_time=soon.time().replace(microsecond=0),
    )  # fmt: skip
    conn.execute(text("UPDATE session_worker.installation SET first_tick_at = '2026-01-01'"))
    conn.commit()
    host = f"{http_sink.host}:{http_sink.port}"
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": http_sink.url,
        "CHANNEL_WEBHOOK": f"json://{host}/lesson",
    }
    with running(database, valkey, **settings) as site:
        site.worker(concurrency=1)
        with Celery(broker=valkey, set_as_current=False) as beat:
            beat.send_task("tasks.planning.tick", queue="planning")
        sent = eventually(lambda: named(http_sink, "send"))
        eventually(lambda: all(named(http_sink, name) for name in ("tick", "batch")))

    batch, tick = named(http_sink, "batch"), named(http_sink, "tick")
    assert (sent["trace"], batch["trace"]) == (tick["trace"], tick["trace"])
    assert (sent["parent"], batch["parent"], tick["parent"]) == (batch["id"], tick["id"], b"")
    [(id_, kind)] = conn.execute(text("SELECT id, kind FROM session_worker.delivery"))
    assert sent["attributes"] == {
        "session_worker.channel": "webhook",
        "session_worker.kind": kind,
        "session_worker.deliveries": [id_],
        "session_worker.outcome": "sent",
    }
    assert batch["attributes"].keys() == {"session_worker.batch", "session_worker.messages"}
    told = b"".join(body_of(each) for each in exports(http_sink))
    assert NAME.encode() not in told
    assert ADDRESS.encode() not in told


def exports(sink: HttpSink) -> list[Any]:
    return [each for each in sink.requests if each.path == "/v1/traces"]


def body_of(request: Any) -> bytes:
    packed = request.headers.get("content-encoding") == "gzip"
    return gzip.decompress(request.body) if packed else bytes(request.body)


def named(sink: HttpSink, name: str) -> Any:
    """The first span of this name that belongs to a trace with a sent message, or None."""
    spans = [span for each in exports(sink) for span in spans_of(body_of(each))]
    traces = {span["trace"] for span in spans if span["name"] == "send"}
    found = (span for span in spans if span["name"] == name and span["trace"] in traces)
    return next(found, None)


def spans_of(body: bytes) -> Iterator[dict[str, Any]]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "name": span.name,
                    "id": span.span_id,
                    "parent": span.parent_span_id,
                    "trace": span.trace_id,
                    "attributes": {each.key: value_of(each.value) for each in span.attributes},
                }


def value_of(value: Any) -> Any:
    which = value.WhichOneof("value")
    found = getattr(value, which)
    return [value_of(each) for each in found.values] if which == "array_value" else found


ASK = """
import sys
from tasks import telemetry
with telemetry.span("tick") as span:
    span.set_attribute("anything", 1)
# redis imports opentelemetry.sdk.metrics where it is installed.
print(telemetry.headers(), "opentelemetry.sdk.trace" in sys.modules)
"""


def test_it_is_off_without_an_endpoint_and_loads_nothing() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )

    assert asked.stdout == "None False\n"


@pytest.mark.usefixtures("fresh")
def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(telemetry.ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with caplog.at_level(logging.ERROR), telemetry.span("tick"), telemetry.span("batch"):
        assert telemetry.headers() is None

    assert [each.getMessage() for each in caplog.records] == [telemetry.MISSING]

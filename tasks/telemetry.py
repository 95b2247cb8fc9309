"""Traces for OpenTelemetry, from a tick over its batches to the providers' answers.

Off, and not imported, unless OTEL_EXPORTER_OTLP_ENDPOINT is set. Spans hold ids, kinds and
channels: no name, no address, no words, so an error is told by its class alone.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tasks.failures.log_once import log_once

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVICE = "session-worker"
MISSING = (
    f"{ENDPOINT} is set, but OpenTelemetry is not installed: pip install"
    " 'session-worker[telemetry]', or unset it."
)
# A span is on its way within a second. A collector that hangs keeps no process from its end.
DELAY_MILLISECONDS = 1_000
TIMEOUT_SECONDS = 2.0
FLUSH_MILLISECONDS = 1_000


class Nothing:
    """A span that records nothing."""

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def set_attribute(self, name: str, value: object) -> None:
        """Forgets it."""


NOTHING = Nothing()


def span(name: str, headers: Mapping[str, Any] | None = None, **attributes: Any) -> Any:
    """A context manager whose block is a span, within the present one or in the trace that the
    `headers` of a Celery message name. Yields what takes attributes by `set_attribute`."""
    found = tracer()
    if found is None:
        return NOTHING
    return recorded(found, name, headers, attributes)


def carried(work: Callable[..., None]) -> Callable[..., None]:
    """The work, for another thread, within the present span."""
    return work if tracer() is None else partial(copy_context().run, work)


def headers() -> dict[str, str] | None:
    """Headers by which a Celery message goes on with the present trace; None where it is off."""
    if tracer() is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier


def flush() -> None:
    """Send what is recorded, within a second: before a process ends."""
    if tracer.cache_info().currsize and tracer() is not None:
        provider().force_flush(FLUSH_MILLISECONDS)


@cache
def tracer() -> "Tracer | None":
    """This process's tracer, made at its first use, after a worker's fork; None where it is off."""
    if not os.environ.get(ENDPOINT):
        return None
    try:
        return provider().get_tracer("session_worker")
    except ImportError:
        log_once(MISSING)
        return None


@cache
def provider() -> "TracerProvider":
    """Raises ImportError without the extra. Everything else is as OpenTelemetry's variables say,
    such as OTEL_TRACES_SAMPLER."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    made = TracerProvider(resource=Resource.create({"service.name": name}))
    exporter = OTLPSpanExporter(timeout=TIMEOUT_SECONDS)
    made.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MILLISECONDS))
    return made


@contextmanager
def recorded(
    found: "Tracer", name: str, headers: Mapping[str, Any] | None, attributes: Mapping[str, Any]
) -> "Iterator[Span]":
    from opentelemetry.trace import StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract(headers) if headers is not None else None
    with found.start_as_current_span(
        name,
        parent,
        attributes={f"session_worker.{key}": value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as begun:
        try:
            yield begun
        except Exception as error:
            begun.set_attribute("error.type", type(error).__name__)
            begun.set_status(StatusCode.ERROR)
            raise

"""The consumer's wait for its broker: Celery's own ends after a hundred tries."""

import pytest
from kombu import Connection

from tasks import broker as broker_module
from tasks.demo.servers import Workspace, start_valkey
from tasks.worker import consumer
from tasks.worker.consumer import PatientConsumer

CELERYS_TRIES = 100


def test_a_broker_that_was_away_for_hours_is_taken_at_the_next_try(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_valkey(workspace)
    server.kill()
    tries: list[int] = []

    def look() -> None:
        tries.append(len(tries))
        if len(tries) == 2 * CELERYS_TRIES:
            server.start()

    monkeypatch.setattr(consumer, "maybe_shutdown", look)
    monkeypatch.setattr(broker_module, "AGAIN_SECONDS", 0.001)
    with Connection(server.url()) as connection:
        patient = PatientConsumer.__new__(PatientConsumer)
        patient.ensure_connected(connection)
        assert connection.connected
    server.stop()

    assert len(tries) == 2 * CELERYS_TRIES

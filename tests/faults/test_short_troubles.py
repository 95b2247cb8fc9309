"""A short trouble of the database or a worker loses no message, not even one due at the start.

How late they are is measured by `python -m tests.faults.short_troubles`.
"""

from datetime import timedelta

import pytest

from tasks.demo.servers import Workspace
from tests.faults.short_troubles import LOCKED, RESTARTED, WORKER_KILLED, try_troubles
from tests.sinks.http import HttpSink

pytestmark = pytest.mark.long

EACH = 20


def test_locks_a_restart_and_a_killed_worker_cost_no_message(
    workspace: Workspace, valkey: str, http_sink: HttpSink
) -> None:
    """An alarm at the start may be a minute late, and so may these reminders."""
    troubles = [LOCKED, RESTARTED, WORKER_KILLED]
    lead = timedelta(minutes=1)

    measured = try_troubles(workspace, valkey, http_sink, troubles, EACH, lead)

    print(*measured, sep="\n")
    assert [each.states for each in measured] == [{"sent": 2 * EACH}] * len(troubles)

"""Group commit: messages of several connections are moved in one transaction.

Each connection has one message in `sending` at a time. What several of them have to record and to
begin at the same moment goes to the ledger in one commit: whoever comes while another commits is
taken along by the next (docs/decisions/0130).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition

from sqlalchemy import Connection

from scheduler.reminders.moves import sending
from scheduler.reminders.moves.inbox import Copy, place


@dataclass(eq=False)
class Step:
    """What one connection asks for: its last message recorded as sent, and its next one begun.

    `copy`: for the person's inbox. Afterwards `recorded` is the ids that became `sent`, and `tried`
    the try that may be sent; None where the row did not move.
    """

    ended: sending.Accepted | None
    beginning: sending.Beginning
    copy: Copy | None
    recorded: frozenset[int] = frozenset()
    tried: sending.Try | None = None
    is_done: bool = False
    has_failed: bool = False


@dataclass
class GroupCommit:
    """Of the connections of one process. The first thread to come commits for all that wait."""

    waiting: list[Step] = field(default_factory=list)
    is_busy: bool = False
    changed: Condition = field(default_factory=lambda: Condition())

    def take(self, conn: Connection, step: Step, lease: timedelta) -> None:
        """Commit the step, on this connection or on that of another thread.

        Raises what the database raises. Nothing of the step is committed then, or the answer to the
        commit was lost.
        """
        group = self._join(step)
        if group:
            self._commit(conn, group, lease)
        elif step.has_failed:  # on another's connection
            commit_all(conn, [step], lease)

    def _join(self, step: Step) -> Sequence[Step]:
        """Wait until another has committed the step, or it is this thread's turn. Returns the steps
        to commit then."""
        with self.changed:
            self.waiting.append(step)
            self.changed.wait_for(lambda: step.is_done or not self.is_busy, None)
            if step.is_done:
                return ()
            self.is_busy = True
            group, self.waiting = self.waiting, []
            return group

    def _commit(self, conn: Connection, group: Sequence[Step], lease: timedelta) -> None:
        failed = True
        try:
            commit_all(conn, group, lease)
            failed = False
        finally:
            with self.changed:
                for step in group:
                    step.is_done, step.has_failed = True, failed
                self.is_busy = False
                self.changed.notify_all()


def commit_all(conn: Connection, group: Sequence[Step], lease: timedelta) -> None:
    """Move the rows of all steps in one transaction, by one statement for each move."""
    with conn.begin():
        moved = sending.mark_all_sent(conn, [step.ended for step in group if step.ended])
        tries = sending.begin_all(conn, [step.beginning for step in group], lease)
        for step in group:
            if step.copy is not None and step.beginning.row.id in tries:
                place(conn, step.copy)
    for step in group:
        step.recorded = moved.intersection(step.ended.tried.ids if step.ended else ())
        step.tried = tries.get(step.beginning.row.id)

"""Errors of the doctor of which the admin has not been notified yet (design, "Who cannot be
reached").

An error is reported once, and again only after it went away and came back.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.finding import Finding

# Codes of which several may stand at once. Which one it is stands in the cure: it names the batch,
# the channel or the backfill, and unlike the detail it has no counts or times that change.
SEVERAL = {"held", "channel_down", "backfill_stopped"}
# Here the detail tells, as the cure is the same for each check.
BY_DETAIL = {"site_mismatch", "check_failed", "zones_differ"}


def identity(finding: Finding) -> str:
    """What makes an error the same one the next time, whatever its counts and times are by then."""
    if finding.code in BY_DETAIL:
        return f"{finding.code}: {finding.detail}"
    return f"{finding.code}: {finding.cure}" if finding.code in SEVERAL else finding.code


# A handful of rows.
FORGET_GONE = text("""
    DELETE FROM session_worker.standing_error
     WHERE identity <> ALL(CAST(:identities AS text[]))""")
NOTE_NEW = text("""
    INSERT INTO session_worker.standing_error (identity, seen_at)
    SELECT identity, :now FROM unnest(CAST(:identities AS text[])) AS identity
        ON CONFLICT DO NOTHING
    RETURNING identity""")
MAKE_MESSAGE = text("""
    INSERT INTO session_worker.admin_message (kind, occasion, findings)
    VALUES ('errors', 'errors ' || CAST(:now AS timestamptz), CAST(:findings AS jsonb))
        ON CONFLICT DO NOTHING""")


def note_errors(conn: Connection, errors: Sequence[Finding], now: datetime) -> list[Finding]:
    """Record the errors that stand, and one message about those that are new. Returns the latter.

    `now` is the database's clock. The caller commits, and has the watch's turn.
    """
    found = {identity(each): each for each in errors}
    conn.execute(FORGET_GONE, {"identities": [*found]})
    if not found:
        return []
    new = conn.scalars(NOTE_NEW, {"identities": [*found], "now": now}).all()
    fresh = [found[each] for each in found if each in set(new)]
    if fresh:
        said = json.dumps([asdict(each) for each in fresh])
        conn.execute(MAKE_MESSAGE, {"now": now, "findings": said})
    return fresh

"""The session that a message names: as its row is now or, if it does not take place, as last told.

The content of a message is kept in the ledger as JSON, and read here again for the next one.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from scheduler.message import Absent, Change, ChangeKind, Lesson
from scheduler.settings import Role

# Columns of a session that a message shows, beside its subject and times.
NAMES = ("tutor_name", "student_name")
WORDS = ("topic", "mode", "meeting_link", "location", "whiteboard_name")
REPLACED = (Role.TUTOR, Role.STUDENT)


def lesson_of(row: Row[Any]) -> Lesson:
    """The session of a row that `read.claimed` has read."""
    change = change_of(row.change, row.absent)
    words = words_of(row, change)
    return Lesson(
        **{name: words.get(name) for name in (*NAMES, *WORDS)},
        subject=words.get("subject") or "",
        session_id=row.session_id,
        starts_at=row.starts_at,
        ends_at=words["ends_at"],
        delivery_id=row.id,
        change=change,
        role=Role(row.role),
        entry=row.entry,
        after=(row.told or {}).get("sequence", -1),
        goes_on_with=tuple(name for name in row.goes_on_with or () if name),
        closed_for=row.closed_for or "",
    )


def words_of(row: Row[Any], change: Change | None) -> Mapping[str, Any]:
    """Values that the message shows. For a cancelled session they are those of the last message, as
    the row may belong to other people by now.

    The names are always those of the people whom the message is about.
    """
    now = row._asdict()
    if change is None or change.kind is not ChangeKind.CANCELLED:
        return now
    names = {name: now[name] for name in NAMES}
    if row.told is None:
        return now if row.is_theirs else {**names, "ends_at": row.ends_at}
    told_end = row.told.get("ends_at")
    ends_at = datetime.fromisoformat(told_end) if told_end else row.ends_at
    return {**names, **row.told, "ends_at": ends_at}


def change_of(change: Mapping[str, Any] | None, absent: str | None) -> Change | None:
    """The change that the ledger's column `change` describes, as `due_notices` wrote it.

    `absent`: whose absence it names, if it does and the absence is still known.
    """
    if change is None:
        return None
    replaced = frozenset(role for role in REPLACED if f"old_{role}_id" in change)
    old_starts_at = datetime.fromisoformat(change["old_starts_at"])
    who = None if absent is None else Absent(absent)
    return Change(ChangeKind(change["kind"]), old_starts_at, replaced, who)


def told(lesson: Lesson, at: datetime) -> str:
    """Content of a message sent at `at` about a session, as JSON for the ledger.

    Later changes are compared with it, and a cancellation shows it.
    """
    return json.dumps(
        {
            **{name: getattr(lesson, name) for name in ("subject", *NAMES, *WORDS)},
            "ends_at": lesson.ends_at.isoformat(),
            "entry": lesson.entry,
            "sequence": lesson.sequence(at),
        }
    )

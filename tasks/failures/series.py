"""Series that could not be expanded, in as few lines as there are causes."""

import re
from collections.abc import Sequence

from sqlalchemy import Engine

from models.rights import MissingRight, grants, missing_rights
from scheduler.expansion.report import Failure

NAMED = 5  # series of one cause; of more a line says how many


def lines_about(failed: Sequence[Failure], engine: Engine) -> list[str]:
    """One for each cause, with its cure where that is a right to be granted."""
    if not failed:
        return []
    with engine.connect() as conn:
        missing = missing_rights(conn)
    causes: dict[str, list[int]] = {}
    for one in failed:
        causes.setdefault(one.error, []).append(one.anchor_id)
    return [f"{series(ids)}: {error}{cure(error, missing)}." for error, ids in causes.items()]


def series(ids: Sequence[int]) -> str:
    named = ", ".join(str(anchor_id) for anchor_id in ids[:NAMED])
    if len(ids) == 1:
        return f"series {named}"
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{len(ids)} series ({named}{more})"


def cure(error: str, missing: Sequence[MissingRight]) -> str:
    """What would grant all that lacks, if the error names a thing of it.

    Names are the same in every language that PostgreSQL may speak.
    """
    if not any(re.search(rf"\b{re.escape(one.thing)}\b", error) for one in missing):
        return ""
    return f": {grants(missing)}"

"""Lines about series that could not be expanded, one for each cause."""

import re
from collections.abc import Sequence

from sqlalchemy import Engine

from models.rights import MissingRight, grants, missing_rights
from scheduler.expansion.report import Failure

NAMED = 5  # series that a line names; of more it shows the number


def lines_about(failed: Sequence[Failure], engine: Engine) -> list[str]:
    """One line for each cause; where a right is missing, with the GRANT."""
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
    """The GRANTs for all missing rights, if the error names one of the tables concerned.

    Names of tables are the same in every language of PostgreSQL's messages.
    """
    if not any(re.search(rf"\b{re.escape(one.thing)}\b", error) for one in missing):
        return ""
    return f": {grants(missing)}"

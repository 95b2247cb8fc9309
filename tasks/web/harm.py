"""The people whom a finding of the doctor hurts: the runbook's sentences, by the finding's code.

`harm.json` is written from docs/runbook.md by `WRITE_DOCS=1 uv run pytest
tests/tasks/web/test_harm.py`, as a server has no documents.
"""

import json
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parent / "harm.json"
HARM: Mapping[str, str] = json.loads(FILE.read_text(encoding="utf-8"))


def harmed_by(code: str) -> str:
    """Whom it hurts; empty for a code that the runbook does not have."""
    return HARM.get(code, "")

"""The people whom a finding of the doctor hurts: the runbook's sentences, by the finding's code.

`harm.json` is written from docs/runbook.md by `WRITE_DOCS=1 uv run pytest
tests/tasks/web/test_harm.py`, as a server has no documents; `harm.am.json` is its translation.
"""

import json
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parent / "harm.json"
HARM: Mapping[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
AMHARIC_FILE = FILE.with_suffix(".am.json")
AMHARIC: Mapping[str, str] = json.loads(AMHARIC_FILE.read_text(encoding="utf-8"))


def harmed_by(code: str, language: str = "en") -> str:
    """Whom it hurts, in the language; empty for a code that the runbook does not have."""
    english = HARM.get(code, "")
    return AMHARIC.get(code, english) if language == "am" else english

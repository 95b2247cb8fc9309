"""The page's words for a finding's harm are those of the runbook."""

import json
import os
import re

from tasks.web.harm import AMHARIC, FILE, HARM, harmed_by
from tests.test_runbook import ENTRY, PAGE

HURTS = re.compile(r"^\*\*Hurts\.\*\* (.*?)(?=^\*\*|\Z)", re.MULTILINE | re.DOTALL)
ETHIOPIC = re.compile("[\u1200-\u137f]{2}")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def test_the_page_says_whom_a_finding_hurts_as_the_runbook_does() -> None:
    told = {}
    for code, words in ENTRY.findall(PAGE.read_text()):
        found = HURTS.search(words)
        assert found, code
        told[code] = LINK.sub(r"\1", " ".join(found[1].split())).replace("`", "")
    document = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("WRITE_DOCS"):
        FILE.write_text(document, encoding="utf-8")

    assert FILE.read_text(encoding="utf-8") == document
    assert len(told) > 30


def test_each_of_them_is_told_in_amharic_too() -> None:
    assert [*AMHARIC] == [*HARM]
    assert [code for code in HARM if not ETHIOPIC.search(harmed_by(code, "am"))] == []
    assert harmed_by("held") == HARM["held"]

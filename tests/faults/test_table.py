"""The table of faults is of the results that lie beside it."""

import json

from tests.faults.__main__ import PARTS, README, RESULTS, with_table


def test_the_page_shows_the_results() -> None:
    page, results = README.read_text(), json.loads(RESULTS.read_text())

    assert with_table(page, results) == page
    assert results.keys() <= PARTS.keys()

"""`pytest tests/tasks/messages --golden=write` writes the golden files anew; look at their diff."""

import pytest

from tasks.messages.render import Words
from tests.tasks.messages.samples import words as words_with


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", choices=("check", "write"), default="check")


@pytest.fixture(scope="session")
def words() -> Words:
    return words_with()

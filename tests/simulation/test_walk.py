"""One delivery in every order of steps: the promises hold, and wrong moves are found.

Here is the scope with most tries. `uv run python -m tests.simulation.walks` walks through all, and
finds every wrong move.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.demo.servers import drop_database
from tasks.demo.servers.databases import Server
from tests import servers
from tests.clean_databases import unused_name
from tests.simulation.walk import Edge
from tests.simulation.walks import Walks
from tests.simulation.wrong_moves import WRONG_MOVES

pytestmark = pytest.mark.long

PICTURE = Path(__file__).parents[2] / "docs" / "state-machine.md"
SOON_FOUND = ("never_lose", "late_yes_unheard", "release_while_sending")


@pytest.fixture(scope="module")
def walks(postgres: Server, template: str) -> Iterator[Walks]:
    """Walks on a database of their own, that share what moves make of a row."""
    name = unused_name("walk")
    servers.clone_template(postgres, name, template)
    with servers.connect(postgres.url(name)) as conn:
        yield Walks(conn)
    drop_database(postgres, name)


def test_in_every_order_of_steps_a_message_has_its_end_and_is_repeated_only_where_it_may_be(
    walks: Walks,
) -> None:
    walk = walks.walk("repeated")
    states = walk.explore()

    print(f"{len(states)} states, by {len(walk.known)} moves of rows")
    assert len(states) > 5_000
    assert walk.edges <= drawn()
    assert len(walk.edges) > 15


@pytest.mark.parametrize("name", SOON_FOUND)
def test_a_wrong_move_is_found(walks: Walks, name: str) -> None:
    (wrong,) = [one for one in WRONG_MOVES if one.name == name]

    assert walks.find(wrong) is not None


def drawn() -> set[Edge]:
    words = PICTURE.read_text(encoding="utf-8")
    edges: set[Edge] = set(re.findall(r"(\w+) --> (\w+): ", words))
    # Two moves of one record: its outcome, and then that an earlier try was accepted.
    return edges | {("sending", "sent"), ("held", "[*]"), ("claimed", "[*]"), ("planned", "[*]")}

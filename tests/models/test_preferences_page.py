"""The site's role can run all that docs/preferences.md shows."""

import re
from pathlib import Path

from sqlalchemy import Connection, text

from models.rights import OF_THE_SITE

PAGE = (Path(__file__).parents[2] / "docs" / "preferences.md").read_text()
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_runs_with_the_rights_that_the_page_grants(conn: Connection) -> None:
    """The site's role, removed with the transaction."""
    conn.execute(text("CREATE ROLE site"))
    rights, *examples = EXAMPLES
    conn.exec_driver_sql(rights)
    conn.execute(text("SET LOCAL ROLE site"))
    for example in examples:
        conn.exec_driver_sql(example)

    rows = conn.execute(text("SELECT person_id, kind, muted FROM session_worker.preference"))
    assert sorted(map(tuple, rows)) == [(7, "*", False), (7, "agenda", True), (7, "alarm", False)]


def test_setup_prints_the_rights_of_the_page() -> None:
    assert EXAMPLES[0].splitlines() == [f"{statement};" for statement in OF_THE_SITE]


def test_the_page_has_every_column_of_the_table(conn: Connection) -> None:
    columns = conn.scalars(
        text(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'session_worker' AND table_name = 'preference'"
        )
    )
    assert [name for name in columns if f"`{name}`" not in PAGE] == []

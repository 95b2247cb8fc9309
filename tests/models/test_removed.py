"""Only one file names the tables that the site removed."""

from pathlib import Path

import pytest

import models.removed
from models.catalog import NEEDED, OPTIONAL
from models.removed import REMOVED_TABLES, removed_tables_in
from models.site import SITE_TABLES
from models.worker import WorkerBase

REPOSITORY = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("models", "scheduler", "tasks", "tests")
    for path in (REPOSITORY / folder).rglob("*")
    if path.is_file() and path.suffix in {".py", ".sql", ".j2", ".html", ".txt", ".mako"}
]


@pytest.mark.parametrize("name", sorted(REMOVED_TABLES))
def test_a_statement_on_a_removed_table_is_seen(name: str) -> None:
    assert removed_tables_in(f'SELECT * FROM public."{name.upper()}"') == {name}


def test_the_tables_that_took_their_place_are_not_mistaken() -> None:
    assert removed_tables_in("SELECT FROM tutor_sessions JOIN tutor_students USING (id)") == set()


def test_no_model_is_of_a_removed_table() -> None:
    tables = {*SITE_TABLES.tables, *WorkerBase.metadata.tables, *NEEDED, *OPTIONAL}

    assert tables & REMOVED_TABLES == set()


def test_no_source_names_a_removed_table() -> None:
    naming = {path for path in SOURCES if removed_tables_in(path.read_text(encoding="utf-8"))}

    assert naming == {Path(models.removed.__file__)}

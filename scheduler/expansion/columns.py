"""The source of each column of a generated row (design, "A generated row").

Columns of the site's table that this worker does not know are copied. The lists are made from the
catalogue, so the statements name only columns that this database has.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from models.catalog import Column, SiteCatalog, quoted

CONSTANTS: Mapping[str, object] = {
    "is_recurring": False,
    "session_frequency": "one-time",
    "recurring_pattern": None,
    "status": "scheduled",
    "payment_status": "pending",
}
LEFT_TO_DEFAULT = frozenset({"id", "created_at", "updated_at"})
EMPTIED = frozenset({
    "student_attended", "tutor_attended", "tutor_notes", "notes", "student_feedback", "feedback",
    "student_rating", "rating", "topics_covered", "materials_used", "homework_assigned",
})  # fmt: skip
# People and time of a session: a row follows these only where there is no conflict. Start, end and
# duration count as one: where a person changed any of them, the row follows in none of the three.
PEOPLE = ("tutor_id", "student_id")
HOURS = ("start_time", "end_time", "duration")
PLACING = (*PEOPLE, *HOURS)


@dataclass(frozen=True)
class RowColumns:
    """The columns of a generated row by origin, in the table's order.

    `version_name`: the name of the version in a copy of a row.
    """

    copied: tuple[str, ...]
    constant: Mapping[str, object]
    emptied: tuple[str, ...]
    unwritten: tuple[str, ...]
    defaults: Mapping[str, str]
    version_name: str

    @cached_property
    def insert_list(self) -> str:
        """The target list of an INSERT, in the order of `select_list`."""
        names = ("session_date", *self.copied, *self.constant, *self.emptied)
        return ", ".join(quoted(name) for name in names)

    def select_list(self, anchor: str, date: str) -> str:
        """SQL of a new row's values. `anchor`: alias of the anchor's row; `date`: SQL."""
        values = [date]
        values += [f"{anchor}.{quoted(name)}" for name in self.copied]
        values += [literal(value) for value in self.constant.values()]
        values += ["NULL" for _ in self.emptied]
        return ", ".join(values)

    def copy_of(self, row: str) -> str:
        """SQL of one jsonb value with the copied columns of a row; `row` is its alias."""
        cells = ", ".join(f"{row}.{quoted(name)}" for name in self.copied)
        return f"(SELECT to_jsonb(cells) FROM (SELECT {cells}) cells)"

    def target(self, anchor: str) -> str:
        """SQL of one jsonb value with all that a new row holds, except its date."""
        cells = [f"{anchor}.{quoted(name)}" for name in self.copied]
        cells += [f"{literal(value)} AS {quoted(name)}" for name, value in self.constant.items()]
        cells += [f"NULL AS {quoted(name)}" for name in self.emptied]
        return f"(SELECT to_jsonb(cells) FROM (SELECT {', '.join(cells)}) cells)"


def row_columns(catalog: SiteCatalog) -> RowColumns:
    """The columns of this database's tutor_sessions, by their source for a generated row."""
    columns = catalog.tables["tutor_sessions"]
    copied: list[str] = []
    emptied: list[str] = []
    unwritten: list[str] = []
    for column in columns.values():
        if column.name == "session_date" or column.name in CONSTANTS:
            continue
        if column.own_default or column.name in LEFT_TO_DEFAULT:
            unwritten.append(column.name)
        elif column.name in EMPTIED or column.unique_alone:
            (emptied if column.nullable else unwritten).append(column.name)
        else:
            copied.append(column.name)
    return RowColumns(
        tuple(copied),
        {name: value for name, value in CONSTANTS.items() if name in columns},
        tuple(emptied),
        tuple(unwritten),
        {name: added_default(columns[name]) for name in copied},
        free_name(columns),
    )


def free_name(columns: Collection[str]) -> str:
    """A name for the version of a copied row that is none of `columns`."""
    name = "sw_version"
    while name in columns:
        name += "_"
    return name


def added_default(column: Column) -> str:
    """SQL for the value that existing rows got when this column was added."""
    if column.default is None or "nextval" in column.default:
        return "NULL"
    return f"({column.default})".replace(":", "\\:")


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'"

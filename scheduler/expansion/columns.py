"""The source of each column of a generated row (design, "A generated row").

The site's table may have columns that nobody here has heard of: those are copied. The lists are
made from the catalogue, so the statements name just the columns that this database has.
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
# Whose a session is, and when: a row follows these only where nothing is in the way. When it is, is
# one thing: a row whose start, end or duration a person changed follows in none of the three.
PEOPLE = ("tutor_id", "student_id")
HOURS = ("start_time", "end_time", "duration")
PLACING = (*PEOPLE, *HOURS)


@dataclass(frozen=True)
class RowColumns:
    """The columns of a generated row by origin, in the table's order.

    `version_name`: under which a copy of a row carries its version.
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
        """The values of a new row: `anchor` is an alias of the anchor's row, `date` SQL."""
        values = [date]
        values += [f"{anchor}.{quoted(name)}" for name in self.copied]
        values += [literal(value) for value in self.constant.values()]
        values += ["NULL" for _ in self.emptied]
        return ", ".join(values)

    def copy_of(self, row: str) -> str:
        """The copied columns of a row, as SQL of one jsonb value."""
        cells = ", ".join(f"{row}.{quoted(name)}" for name in self.copied)
        return f"(SELECT to_jsonb(cells) FROM (SELECT {cells}) cells)"

    def target(self, anchor: str) -> str:
        """What a new row holds, but for its date, as SQL of one jsonb value."""
        cells = [f"{anchor}.{quoted(name)}" for name in self.copied]
        cells += [f"{literal(value)} AS {quoted(name)}" for name, value in self.constant.items()]
        cells += [f"NULL AS {quoted(name)}" for name in self.emptied]
        return f"(SELECT to_jsonb(cells) FROM (SELECT {', '.join(cells)}) cells)"


def row_columns(catalog: SiteCatalog) -> RowColumns:
    """The columns of this database's tutor_sessions, by where a generated row gets them."""
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
    """A name for the version of a copied row that no column of the site's has."""
    name = "sw_version"
    while name in columns:
        name += "_"
    return name


def added_default(column: Column) -> str:
    """SQL for what a row got when this column was added after it was written."""
    if column.default is None or "nextval" in column.default:
        return "NULL"
    return f"({column.default})".replace(":", "\\:")


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'"

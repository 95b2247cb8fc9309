"""The two tables that the site removed on 2025-11-21: nothing may read or create them.

The only place where their names stand.
"""

import re

REMOVED_TABLES = frozenset({"tutoring_sessions", "tutor_student_enrollments"})


def removed_tables_in(words: str) -> set[str]:
    """The removed tables that a statement, a table's name or a source file names."""
    return set(re.findall(r"\w+", words.lower())) & REMOVED_TABLES

"""The two tables that the site removed on 2025-11-21, which nothing may read or create.

Their names are in no other place.
"""

import re

REMOVED_TABLES = frozenset({"tutoring_sessions", "tutor_student_enrollments"})


def removed_tables_in(words: str) -> set[str]:
    """Names of removed tables that occur in a statement, a table's name or a source file."""
    return set(re.findall(r"\w+", words.lower())) & REMOVED_TABLES

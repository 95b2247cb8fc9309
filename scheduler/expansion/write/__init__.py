"""Writing the plan: rows of tutor_sessions and their occurrences, a set at a time."""

"""Execution of the plan: rows of tutor_sessions and their occurrences, written in sets."""

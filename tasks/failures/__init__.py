"""Known failures → one line on standard error and an exit code."""

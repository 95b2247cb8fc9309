"""Known failures as one line on standard error and an exit code."""

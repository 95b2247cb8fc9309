"""The work behind the commands, as functions that return values."""

"""Plan of the rows that should exist: dates, candidates, conflicts, changes of existing rows."""

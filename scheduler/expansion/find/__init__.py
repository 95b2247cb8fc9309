"""Finding the series that need work, without writing anything."""

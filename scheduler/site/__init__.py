"""SQL and values that read the site's rows: people, session times, preferences."""

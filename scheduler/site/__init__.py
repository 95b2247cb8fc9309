"""Reading of the site's rows: people, session times, preferences."""

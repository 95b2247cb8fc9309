"""How the site's rows are read: people, session times, preferences."""

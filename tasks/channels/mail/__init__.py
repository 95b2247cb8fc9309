"""E-mail: Apprise prepares it, a connection of ours carries it."""

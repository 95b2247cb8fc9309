"""A term in the life of a small school, on a real database and with sinks for mail and SMS."""

"""The watch: messages to the admin, and the sign of life to a dead-man switch elsewhere."""

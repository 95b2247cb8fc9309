"""E-mail, prepared by Apprise's plugin and sent over connections of our own."""

"""Claimed messages read again, just before they are sent."""

"""Expansion on an admin's command: audit, backfill, preview, and ending a series by hand."""

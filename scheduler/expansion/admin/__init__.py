"""Expansion as an admin drives it: audit, backfill, preview, and ending a series by hand."""

"""What an admin asks of expansion: audit, backfill, preview, and ending a series by hand."""

"""The link in a message by which its person stops all messages (MUTE_URL).

The site's page behind it calls session_worker.mute (docs/preferences.md).
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

# Indexes: primary keys. In order, so that two workers that make the same ones do not deadlock.
MAKE = text("""
    INSERT INTO session_worker.mute_link (recipient, person_id)
    SELECT DISTINCT d.recipient, d.person_id FROM session_worker.delivery d
     WHERE d.id = ANY(CAST(:ids AS bigint[]))
       AND NOT EXISTS (SELECT FROM session_worker.mute_link m WHERE m.recipient = d.recipient)
     ORDER BY d.recipient
    ON CONFLICT (recipient) DO NOTHING""")


def make_links(conn: Connection, ids: Sequence[int]) -> None:
    """Give a key to each recipient of these ledger rows who has none; it stays theirs."""
    conn.execute(MAKE, {"ids": [*ids]})

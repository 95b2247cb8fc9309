"""SQL for the last message that each person got about each session.

Every notice, cancellation and calendar entry is based on it, and only on it. In the statements `d`
is a row of the ledger and `s` the session's row now, an outer join.
"""

from models.catalog import SiteCatalog
from scheduler.reminders.read.still_true import LIVE, STATUS
from scheduler.site.recipients import BRANCHES

# True where the message may have reached its person: one that was handed over and never answered
# counts, in whatever state it is now. Index: attempt_delivery.
# An agenda and a question after a lesson tell nobody of a session.
MAY_KNOW = """({0}.kind NOT IN ('agenda', 'follow_up') AND ({0}.state = 'sent' OR {0}.attempts > 0
                 AND {0}.state <> 'sending' AND {0}.reason IS DISTINCT FROM 'settled_by_admin'
                 AND EXISTS (SELECT FROM session_worker.attempt a
                              WHERE a.delivery_id = {0}.id
                                AND a.outcome IS DISTINCT FROM 'failed')))"""

# Messages about one session to one person, in the order in which their calendar entries count.
WHEN_TOLD = "(coalesce({0}.message_at, {0}.sent_at), {0}.id)"

# True where `d` is the person's last message about the session, and none is being sent, which could
# be newer. A scalar subquery is looked up row by row, unlike EXISTS (docs/decisions/0021).
# Index: delivery_session.
LAST = f"""(SELECT true FROM session_worker.delivery l
         WHERE l.session_id = {{0}}.session_id AND l.recipient = {{0}}.recipient
           AND (l.state = 'sending' AND l.kind NOT IN ('agenda', 'follow_up')
                OR {MAY_KNOW.format("l")} AND {WHEN_TOLD.format("l")} > {WHEN_TOLD})
         LIMIT 1) IS NULL"""
IS_LAST = LAST.format("d")

# True where the person of `d` was told of the session `s` before. Index: delivery_session.
KNOWS = f"""EXISTS (
    SELECT FROM session_worker.delivery k
     WHERE k.session_id = s.id AND k.recipient = d.recipient AND {MAY_KNOW.format("k")})"""

# The person's message about the session before `d`, as `l`; NULL columns where there is none.
# Index: delivery_session.
LAST_TOLD = f"""
      LEFT JOIN LATERAL (
          SELECT l.told, l.tutor_id, l.student_id FROM session_worker.delivery l
           WHERE l.session_id = d.session_id AND l.recipient = d.recipient AND l.id <> d.id
             AND l.told IS NOT NULL AND {MAY_KNOW.format("l")}
           ORDER BY coalesce(l.message_at, l.sent_at) DESC, l.id DESC
           LIMIT 1) l ON true"""

# True where a try of the message may have arrived: a repeat then carries the same Message-ID and
# Date, so that it is recognised. After tries that all failed the message is a new mail, as an old
# Date would look like spam. Index: attempt_delivery.
MAY_HAVE_LEFT = """EXISTS (
    SELECT FROM session_worker.attempt
     WHERE delivery_id = d.id AND outcome IS DISTINCT FROM 'failed')"""

# True for a message that may have arrived before, where a newer one about the session was sent or
# is being sent: calendar programs use the one that came last, so an old one is not repeated. After
# tries that all failed it is a new message, with the date of its next try.
# Index: delivery_session.
OVERTAKEN = f"""(d.attempts > 0 AND d.kind NOT IN ('agenda', 'follow_up') AND {MAY_HAVE_LEFT}
   AND EXISTS (
    SELECT FROM session_worker.delivery l
     WHERE l.session_id = d.session_id AND l.recipient = d.recipient AND l.id <> d.id
       AND l.message_at > d.message_at
       AND (l.state = 'sending' AND l.kind NOT IN ('agenda', 'follow_up')
            OR {MAY_KNOW.format("l")})))"""

# Id of the message's calendar entry: that of earlier messages about the session, else one made from
# the session's id, unless that one is in use for another session (its row was entered again).
# Index: delivery_entry.
ENTRY = """coalesce(l.told->>'entry', CASE WHEN EXISTS (
    SELECT FROM session_worker.delivery o
     WHERE o.recipient = d.recipient AND o.told->>'entry' = d.session_id::text
       AND o.told->>'entry' IS DISTINCT FROM o.session_id::text AND o.told IS NOT NULL)
    THEN d.session_id || '-' || d.id ELSE d.session_id::text END)"""


def takes_part(catalog: SiteCatalog) -> str:
    """SQL condition: the person of `d` is one of the session's people as it is now.

    Nothing is looked up where tutor and student are still those of `d`. Indexes: primary keys.
    """
    branches = (branch(catalog) for branch in BRANCHES.values())
    people = " UNION ALL ".join(f"SELECT recipient FROM ({each}) p" for each in branches if each)
    return f"""CASE
        WHEN s.tutor_id = d.tutor_id AND s.student_id = d.student_id THEN true
        ELSE EXISTS (
            WITH due AS (SELECT s.tutor_id, s.student_id)
            SELECT FROM ({people}) present WHERE present.recipient = d.recipient) END"""


def is_on(catalog: SiteCatalog) -> str:
    """SQL condition: the session takes place, with the person of `d`. False without a row."""
    return f"coalesce({LIVE} AND {takes_part(catalog)}, false)"


def is_off(catalog: SiteCatalog) -> str:
    """SQL condition: the session is cancelled, deleted, or no longer one of this person's."""
    return f"""(s.id IS NULL OR {STATUS} IS NOT DISTINCT FROM 'cancelled'
                OR NOT {takes_part(catalog)})"""

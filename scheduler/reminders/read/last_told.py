"""SQL for what each person was last told of each session.

Every notice, cancellation and calendar entry is made from it: it is asked nowhere else. In the
statements `d` is a row of the ledger and `s` the session's row now, an outer join.
"""

from models.catalog import SiteCatalog
from scheduler.reminders.read.still_true import LIVE, STATUS
from scheduler.site.recipients import BRANCHES

# Whoever got a message, or may have: what was handed over and never answered may have arrived,
# whatever became of it then. Index: attempt_delivery.
MAY_KNOW = """({0}.kind <> 'agenda' AND ({0}.state = 'sent' OR {0}.attempts > 0
                 AND {0}.state <> 'sending' AND {0}.reason IS DISTINCT FROM 'settled_by_admin'
                 AND EXISTS (SELECT FROM session_worker.attempt a
                              WHERE a.delivery_id = {0}.id
                                AND a.outcome IS DISTINCT FROM 'failed')))"""

# Messages about one session to one person, in the order in which their calendar entries count.
WHEN_TOLD = "(coalesce({0}.message_at, {0}.sent_at), {0}.id)"

# A person's last message about a session is `d` itself, and none is on its way: that may be newer.
# A subquery in place of EXISTS is looked up row by row (docs/decisions/0021).
# Index: delivery_session.
LAST = f"""(SELECT true FROM session_worker.delivery l
         WHERE l.session_id = {{0}}.session_id AND l.recipient = {{0}}.recipient
           AND (l.state = 'sending' AND l.kind <> 'agenda'
                OR {MAY_KNOW.format("l")} AND {WHEN_TOLD.format("l")} > {WHEN_TOLD})
         LIMIT 1) IS NULL"""
IS_LAST = LAST.format("d")

# Whether the person of `d` was told of the session `s` before. Index: delivery_session.
KNOWS = f"""EXISTS (
    SELECT FROM session_worker.delivery k
     WHERE k.session_id = s.id AND k.recipient = d.recipient AND {MAY_KNOW.format("k")})"""

# What the message before `d` told its person of its session: `l`, without columns where there is
# none. Index: delivery_session.
LAST_TOLD = f"""
      LEFT JOIN LATERAL (
          SELECT l.told, l.tutor_id, l.student_id FROM session_worker.delivery l
           WHERE l.session_id = d.session_id AND l.recipient = d.recipient AND l.id <> d.id
             AND l.told IS NOT NULL AND {MAY_KNOW.format("l")}
           ORDER BY coalesce(l.message_at, l.sent_at) DESC, l.id DESC
           LIMIT 1) l ON true"""

# Whether a try of the message may have arrived: a repeat of it must be known for one, by Message-ID
# and Date. After tries that failed it is a new mail, and an old Date would read like spam.
# Index: attempt_delivery.
MAY_HAVE_LEFT = """EXISTS (
    SELECT FROM session_worker.attempt
     WHERE delivery_id = d.id AND outcome IS DISTINCT FROM 'failed')"""

# A message that may have left before, where a newer one about the session has left or is leaving:
# calendar programs take what came last, so an old one is not repeated. After tries that all failed
# it is a new message, of the date of its next try.
# Index: delivery_session.
OVERTAKEN = f"""(d.attempts > 0 AND d.kind <> 'agenda' AND {MAY_HAVE_LEFT} AND EXISTS (
    SELECT FROM session_worker.delivery l
     WHERE l.session_id = d.session_id AND l.recipient = d.recipient AND l.id <> d.id
       AND l.message_at > d.message_at
       AND (l.state = 'sending' AND l.kind <> 'agenda' OR {MAY_KNOW.format("l")})))"""

# The calendar entry that a message is about: the one that was told of the session, else one of the
# session's own number, unless that stands for another session already (its row was entered anew).
# Index: delivery_entry.
ENTRY = """coalesce(l.told->>'entry', CASE WHEN EXISTS (
    SELECT FROM session_worker.delivery o
     WHERE o.recipient = d.recipient AND o.told->>'entry' = d.session_id::text
       AND o.told->>'entry' IS DISTINCT FROM o.session_id::text AND o.told IS NOT NULL)
    THEN d.session_id || '-' || d.id ELSE d.session_id::text END)"""


def takes_part(catalog: SiteCatalog) -> str:
    """SQL: whether the person of `d` is one of the session's people as it is now.

    Of who was told of the same tutor and student nothing is looked up. Indexes: primary keys.
    """
    branches = (branch(catalog) for branch in BRANCHES.values())
    people = " UNION ALL ".join(f"SELECT recipient FROM ({each}) p" for each in branches if each)
    return f"""CASE
        WHEN s.tutor_id = d.tutor_id AND s.student_id = d.student_id THEN true
        ELSE EXISTS (
            WITH due AS (SELECT s.tutor_id, s.student_id)
            SELECT FROM ({people}) present WHERE present.recipient = d.recipient) END"""


def is_on(catalog: SiteCatalog) -> str:
    """SQL: whether the session takes place, and for the person of `d`; false without a row."""
    return f"coalesce({LIVE} AND {takes_part(catalog)}, false)"


def is_off(catalog: SiteCatalog) -> str:
    """SQL: whether it is cancelled, deleted, or no longer of this person."""
    return f"""(s.id IS NULL OR {STATUS} IS NOT DISTINCT FROM 'cancelled'
                OR NOT {takes_part(catalog)})"""

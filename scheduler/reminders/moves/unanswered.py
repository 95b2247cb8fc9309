"""Treatment of a try that was never answered (promise 3): one repeat, where it does little harm.

The worker uses it when its provider did not answer, and the sweep when it finds a message whose
worker is gone. The policy is a setting of the channel (CHANNEL_X_UNKNOWN).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.reminders.moves.claims import CLAIM
from scheduler.reminders.moves.late_answers import mark_accepted_before
from scheduler.reminders.moves.move_log import logged
from scheduler.settings import ChannelName, OnUnknown, Settings

# A message that was never answered is repeated once.
REPEATS = 1


def repeating(settings: Settings) -> list[ChannelName]:
    """Channels on which a message that was never answered is repeated."""
    channels = settings.channels.items()
    return [name for name, channel in channels if channel.unknown is OnUnknown.REPEAT]


def is_repeated(channel: str, unanswered: int, settings: Settings) -> bool:
    """True where a message is repeated after an unanswered try. `unanswered`: the number of earlier
    tries on the same channel without an answer."""
    return unanswered < REPEATS and channel in repeating(settings)


# The lease has lapsed; or it was not renewed for as long as a claim holds, and the connection has
# ended on which the message was marked as `sending`: then its process was killed. Either alone is
# no proof. A suspended process keeps its connection; one whose connection was cut goes on renewing.
# Rows of an older version have NULL.
IS_LOST = """(d.lease_until <= clock_timestamp()
            OR d.renewed_at < clock_timestamp() - CAST(:claim AS interval)
               AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = d.sender_pid))"""

# Indexes: delivery_leased, attempt_delivery. The worker is gone, so the answer is not known. Same
# rule as `is_repeated`; the lost try counts as unanswered.
LOSE = """
    UPDATE session_worker.delivery d
       SET state = '{state}', reason = 'no_answer', holder = NULL, lease_until = NULL,
           retry_at = {retry_at}, deaths = least(deaths + 1, 100)
     WHERE d.state = 'sending' AND {is_lost} {among}
    RETURNING d.id"""
REPEATABLE = f"""
       AND d.channel = ANY(CAST(:repeating AS text[]))
       AND (SELECT count(*) FROM session_worker.attempt t
             WHERE t.delivery_id = d.id AND t.channel = d.channel
               AND t.begun_at >= coalesce(d.tries_since, '-infinity')
               AND t.outcome IS DISTINCT FROM 'failed'
               AND t.outcome IS DISTINCT FROM 'sent') <= {REPEATS}"""
LOSE_REPEATABLE = text(
    LOSE.format(state="unknown", retry_at=":now", is_lost=IS_LOST, among=REPEATABLE)
)
LOSE_OTHERS = text(LOSE.format(state="held", retry_at="NULL", is_lost=IS_LOST, among=""))


@logged
def lose(conn: Connection, repeating: Sequence[str], now: datetime) -> frozenset[int]:
    """sending → unknown, to be repeated once, on the channels named `repeating`; others → held.

    For messages whose worker died, or was suspended longer than its lease.
    """
    ages = {"claim": CLAIM}
    again = conn.scalars(LOSE_REPEATABLE, {**ages, "repeating": [*repeating], "now": now}).all()
    lost = frozenset(again) | frozenset(conn.scalars(LOSE_OTHERS, ages))
    if lost:
        mark_accepted_before(conn, [*lost])
    return lost

"""The SMS of a month against SMS_BUDGET, in parts, as operators charge them.

Parts are taken in the transaction that marks a message as being sent, and given back if it was not
handed over. The first message that does not fit ends the month for SMS: a shorter one would
overtake it, and which channel is used would change with each text.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

# Index: primary key.
IS_SPENT = text("""
    SELECT coalesce(parts >= :budget OR spent_at >= :budget, false)
      FROM session_worker.sms_month WHERE month = :month""")


def is_spent(conn: Connection, budget: int, month: date) -> bool:
    """True where the month's budget is used up, or a message did not fit into what was left."""
    return bool(conn.scalar(IS_SPENT, {"budget": budget, "month": month}))


# Index: primary key. The row is locked until the transaction ends.
SPEND = text("""
    INSERT INTO session_worker.sms_month AS m (month, parts)
    SELECT :month, :parts WHERE :parts <= :budget
    ON CONFLICT (month) DO UPDATE SET parts = m.parts + excluded.parts
     WHERE m.parts + excluded.parts <= :budget AND coalesce(m.spent_at, -1) < :budget
    RETURNING parts""")
END_MONTH = text("""
    INSERT INTO session_worker.sms_month (month, parts, spent_at) VALUES (:month, 0, :budget)
    ON CONFLICT (month) DO UPDATE SET spent_at = excluded.spent_at""")


def spend(conn: Connection, parts: int, budget: int, month: date) -> bool:
    """Take so many parts of the month's budget; False, and the month is over, where they do not
    fit."""
    given = {"month": month, "parts": parts, "budget": budget}
    if conn.scalar(SPEND, given) is not None:
        return True
    conn.execute(END_MONTH, given)
    return False


# Index: primary key.
GIVE_BACK = text("""
    UPDATE session_worker.sms_month SET parts = greatest(parts - :parts, 0) WHERE month = :month""")


def give_back(conn: Connection, parts: int, month: date) -> None:
    """Give back the parts of a message that was refused or never handed over."""
    conn.execute(GIVE_BACK, {"parts": parts, "month": month})


def month_of(now: datetime, zone: ZoneInfo) -> date:
    """The first day of the month on the site's calendar."""
    return now.astimezone(zone).date().replace(day=1)

"""Record of claimed messages that are not sent now, with their reason (promise 6)."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from scheduler.reminders.moves import sending
from scheduler.reminders.moves.limits import hold_repeated
from tasks.delivery.decision import (
    Decision,
    Expire,
    Fail,
    GiveUp,
    Hold,
    Keep,
    Postpone,
    Send,
    StayUndelivered,
    Withdraw,
)
from tasks.delivery.tally import NOTHING, Tally


def let_go(conn: Connection, decided: Mapping[int, Decision], holder: UUID) -> Tally:
    """Move each row by its decision; rows to be sent or kept stay. Returns the counts."""
    tally = NOTHING
    others = (each for each in decided.values() if not isinstance(each, Send | Keep))
    for decision in dict.fromkeys(others):
        ids = [id_ for id_, each in decided.items() if each == decision]
        tally += let_alike_go(conn, decision, ids, holder)
    return tally


def let_alike_go(conn: Connection, decision: Decision, ids: list[int], holder: UUID) -> Tally:
    match decision:
        case Expire():
            return Tally(expired=len(sending.let_expire(conn, ids, holder)))
        case Withdraw(reason):
            return Tally(obsolete=len(sending.withdraw_claimed(conn, ids, holder, reason)))
        case GiveUp(reason):
            return Tally(unreachable=len(sending.give_up(conn, ids, holder, reason)))
        case Fail(reason):
            return Tally(failed=len(sending.fail_claimed(conn, ids, holder, reason)))
        case StayUndelivered():
            sending.stay_undelivered(conn, ids, holder)
            return NOTHING
        case Postpone(until, reason):
            return Tally(postponed=len(sending.postpone(conn, ids, holder, until, reason)))
        case Hold(detail):
            hold_repeated(conn, ids, holder, detail)
            return NOTHING
        case Send() | Keep():
            return NOTHING

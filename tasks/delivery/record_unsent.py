"""Claimed messages that are not sent now, into the ledger with their reason (promise 6)."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from scheduler.reminders.moves import sending
from tasks.delivery.tally import NOTHING, Tally
from tasks.delivery.verdict import Expire, Fail, GiveUp, Judgement, Postpone, Send, Withdraw


def let_go(conn: Connection, judged: Mapping[int, Judgement], holder: UUID) -> Tally:
    """Move each as its judgement says; what is to be sent stays. Returns what moved."""
    tally = NOTHING
    for judgement in dict.fromkeys(each for each in judged.values() if not isinstance(each, Send)):
        ids = [id_ for id_, each in judged.items() if each == judgement]
        tally += let_alike_go(conn, judgement, ids, holder)
    return tally


def let_alike_go(conn: Connection, judgement: Judgement, ids: list[int], holder: UUID) -> Tally:
    match judgement:
        case Expire():
            return Tally(expired=len(sending.let_expire(conn, ids, holder)))
        case Withdraw(reason):
            return Tally(obsolete=len(sending.withdraw_claimed(conn, ids, holder, reason)))
        case GiveUp(reason):
            return Tally(unreachable=len(sending.give_up(conn, ids, holder, reason)))
        case Fail(reason):
            return Tally(failed=len(sending.fail_claimed(conn, ids, holder, reason)))
        case Postpone(until, reason):
            return Tally(postponed=len(sending.postpone(conn, ids, holder, until, reason)))
        case Send():
            return NOTHING

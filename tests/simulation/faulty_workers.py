"""Workers with one fault each, which the simulation is to find: `--mutants` tries them all.

A fault of a claim, a fence, a re-check, a hold, a record, a lock or a plan, as somebody could make
it in one line.
"""

from tests.simulation.mutants import Change, Mutant

MOVES = "scheduler.reminders.moves."


def sql(name: str, says: str, place: str, old: str, new: str = "") -> Mutant:
    """In the statement at `place` (module and name) `old` becomes `new`."""
    module, _, statement = place.rpartition(".")
    return Mutant(name, says, (Change(module, statement, old, new),))


FAULTY = (
    sql("any_version", "a session that has changed is not read again before it is sent",
        MOVES + "sending.BEGIN_SENDING", "IS NOT DISTINCT FROM :version", "IS NOT NULL"),
    sql("begin_after_lease", "a lease that has lapsed still lets a message begin, whoever has it",
        MOVES + "sending.BEGIN_SENDING",
        "d.state = 'claimed' AND d.holder = :holder\n           AND d.lease_until"
        " > clock_timestamp()", "d.state IN ('claimed', 'planned')"),
    sql("lapse_while_sending", "a lapsed lease is taken for nothing begun",
        MOVES + "claims.LAPSE", "state = 'claimed'", "state IN ('claimed', 'sending')"),
    sql("never_lapse", "a claim whose worker died is never taken back",
        MOVES + "claims.LAPSE", "RETURNING", "AND false RETURNING"),
    sql("release_while_sending", "a batch is given back as a whole",
        MOVES + "claims.RELEASE", "AND state = 'claimed' ", ""),
    sql("claim_what_is_taken", "a claim does not look at the state of what it locks",
        MOVES + "claims.LOCK", "AND state = 'planned'", ""),
    Mutant("never_lose", "a try whose worker died is never taken back", (
        Change(MOVES + "unanswered", "LOSE_REPEATABLE", "RETURNING", "AND false RETURNING"),
        Change(MOVES + "unanswered", "LOSE_OTHERS", "RETURNING", "AND false RETURNING"))),
    sql("repeat_all_channels", "an SMS that nobody answered is repeated",
        MOVES + "unanswered.LOSE_REPEATABLE", "AND d.channel = ANY(CAST(:repeating AS text[]))",
        "AND CAST(:repeating AS text[]) IS NOT NULL"),
    Mutant("repeat_for_ever", "what nobody answers is repeated for ever", (
        Change(MOVES + "unanswered", "LOSE_REPEATABLE", "<= 1", "<= 99"),
        Change(MOVES + "unanswered", "REPEATS", instead=lambda _: 99))),
    sql("lose_at_once", "a message that is being sent is lost while its lease lives",
        MOVES + "unanswered.LOSE_REPEATABLE", "d.lease_until <= clock_timestamp()",
        "d.lease_until <= clock_timestamp() + interval '59 seconds'"),
    sql("record_nothing", "an accepted message stays as it is being sent",
        MOVES + "sending.END_TRY", "WHERE id = :id AND state = 'sending'",
        "WHERE id = :id AND :state <> 'sent' AND state = 'sending'"),
    sql("fail_what_was_accepted", "an accepted message is recorded as one to be tried again",
        MOVES + "sending.END_TRY", "SET state = :state, reason = :reason, sent_at = :sent_at,"
        " retry_at = :retry_at",
        "SET state = CASE :state WHEN 'sent' THEN 'failed' ELSE :state END, reason = :reason,"
        " sent_at = :sent_at, retry_at = coalesce(:retry_at, :sent_at)"),
    sql("fail_without_reason", "a message fails without a reason",
        MOVES + "sending.END_TRY", "reason = :reason", "reason = NULL"),
    Mutant("no_withdrawal", "what is no longer true is not withdrawn, nor is it read again", (
        Change("scheduler.reminders.read.claimed", "_untrue",
               instead=lambda _: lambda catalog: "CAST(NULL AS text)"),)),
    sql("nobody_is_barred", "who is switched off or muted is written to",
        "scheduler.reminders.read.claimed._barred", "CASE", "CASE WHEN true THEN NULL"),
    sql("never_expire", "what has begun stays planned",
        MOVES + "follow_site.EXPIRE", "AND (d.state = 'planned'", "AND false AND (d.state = 'x'"),
    sql("try_again_never", "what failed is never tried again",
        MOVES + "follow_site.TRY_AGAIN", "AND state IN ('failed', 'unknown')",
        "AND state IN ('unknown')"),
    sql("bring_back_what_was_sent", "what was sent is planned again with the rest",
        MOVES + "follow_site.TRY_AGAIN", "WHERE retry_at <= :now",
        "WHERE state = 'sent' OR retry_at <= :now"),
    sql("release_forgets", "a released batch stays held",
        MOVES + "admin.RELEASE_BATCH", "state = 'planned', reason = 'released_by_admin'",
        "state = 'claimed', reason = 'released_by_admin'"),
    sql("queue_for_ever", "what waits for a channel's connections is in a queue nobody knows",
        MOVES + "channel_queue.QUEUE_UP", "queue = :channel", "queue = 'x' || :channel"),
    Mutant("late_messages", "the start is not looked at before a message is sent", (
        Change("tasks.delivery.sender", "decide", instead=lambda decide: too_late(decide)),)),
    Mutant("two_planners", "planning passes do not take turns", (
        Change("scheduler.reminders.tick", "try_planning_turn",
               instead=lambda _: lambda conn: True),
        Change("scheduler.reminders.sweep", "wait_planning_turn",
               instead=lambda _: lambda conn: None))),
)  # fmt: skip


def too_late(decide: object) -> object:
    """The decision as if it were an hour earlier."""
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Any, cast

    asked = cast(Callable[..., Any], decide)
    return lambda facts, ways, now: asked(facts, ways, now - timedelta(hours=1))

"""Moves as somebody could write them wrongly: the walk finds each of them."""

from dataclasses import dataclass

from tests.simulation.mutants import Change, Mutant

MOVES = "scheduler.reminders.moves."


@dataclass(frozen=True, slots=True)
class WrongMove:
    """`scope`: where it comes out; `moves`: the questions of the walk that it answers wrongly."""

    scope: str
    moves: tuple[str, ...]
    mutant: Mutant

    @property
    def name(self) -> str:
        return self.mutant.name


def wrong(scope: str, moves: str, name: str, says: str, *changes: Change) -> WrongMove:
    return WrongMove(scope, tuple(moves.split()), Mutant(name, says, changes))


WRONG_MOVES = (
    wrong("repeated", "lapse", "lapse_while_sending", "a lapsed lease is taken for nothing begun",
          Change(MOVES + "claims", "LAPSE", "state = 'claimed'",
                 "state IN ('claimed', 'sending')")),
    wrong("repeated", "lapse", "never_lapse", "a claim whose worker died is never taken back",
          Change(MOVES + "claims", "LAPSE", "RETURNING", "AND false RETURNING")),
    wrong("repeated", "lose", "never_lose", "a try whose worker died is never taken back",
          Change(MOVES + "unanswered", "LOSE_REPEATABLE", "RETURNING", "AND false RETURNING"),
          Change(MOVES + "unanswered", "LOSE_OTHERS", "RETURNING", "AND false RETURNING")),
    wrong("repeated", "lose record", "repeat_for_ever", "what nobody answers is repeated for ever",
          Change(MOVES + "unanswered", "LOSE_REPEATABLE", "<= 1", "<= 99"),
          Change(MOVES + "unanswered", "REPEATS", instead=lambda _: 99)),
    wrong("repeated", "record", "record_by_id", "an outcome is recorded whoever holds the row",
          Change(MOVES + "sending", "END_TRY", "AND state = 'sending' AND holder = :holder", "")),
    wrong("repeated", "record", "late_yes_unheard", "a late yes moves what nobody holds alone",
          Change(MOVES + "late_answers", "MARK_SENT_LATE", "AND state IN",
                 "AND holder IS NULL AND state IN")),
    wrong("repeated", "record lose give_up", "earlier_yes_forgotten",
          "a repeat that fails is tried again, though the first try was accepted",
          Change(MOVES + "late_answers", "MARK_ACCEPTED_BEFORE", "RETURNING",
                 "AND false RETURNING")),
    wrong("repeated", "record", "fail_without_reason", "a message fails without a reason",
          Change(MOVES + "sending", "END_TRY", "reason = :reason", "reason = NULL")),
    wrong("repeated", "release", "release_while_sending", "a batch is given back as a whole",
          Change(MOVES + "claims", "RELEASE", "AND state = 'claimed' ", "")),
    wrong("administered", "lose", "repeat_all_channels", "a lost SMS is repeated",
          Change(MOVES + "unanswered", "LOSE_REPEATABLE",
                 "AND d.channel = ANY(CAST(:repeating AS text[]))",
                 "AND CAST(:repeating AS text[]) IS NOT NULL")),
    wrong("administered", "retry", "retry_what_was_sent", "an admin repeats what was sent",
          Change(MOVES + "admin", "RETRY", "('failed', ", "('sent', 'failed', ")),
    wrong("administered", "hold_all", "hold_while_sending", "what is being sent is held, too",
          Change(MOVES + "held_batches", "HOLD_ALL", "('planned', 'claimed')",
                 "('planned', 'claimed', 'sending')")),
    wrong("changed", "withdraw", "withdraw_while_sending", "what is being sent is withdrawn",
          Change(MOVES + "follow_site", "_withdraw", "('planned', 'claimed')",
                 "('planned', 'claimed', 'sending')")),
    wrong("changed", "begin_sending", "any_version", "a session that has changed is not read again",
          Change(MOVES + "sending", "BEGIN_SENDING", "IS NOT DISTINCT FROM :version",
                 "IS NOT NULL")),
)  # fmt: skip

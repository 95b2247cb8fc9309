"""The people whom a finding of the doctor hurts, in the page's words."""

from collections.abc import Mapping

from scheduler.doctor import Finding, Severity

EVERYBODY = "Everybody: no message goes out"
LATER = "Everybody, if the worker is needed now: its state is not what it should be"
SOME = "Those whom these messages are for"
RULES = "Tutors and students of these rules: sessions are missing"
ROWS = "Tutors and students of these sessions"
ADMIN = "You, who would not hear of the next fault"

HARMED: Mapping[str, str] = {
    **dict.fromkeys(
        ("tick_stopped", "delivery_stopped", "no_broker", "broker_unreachable", "broker_refuses",
         "no_worker", "queue_unserved", "wrong_database", "whose_ids", "not_set_up",
         "schema_newer", "schema_older", "site_mismatch", "rights_missing", "no_channel",
         "outbox", "never_ticked", "row_security"),
        EVERYBODY,
    ),
    **dict.fromkeys(
        ("held", "unanswered", "failed", "unreachable", "deadly", "overdue", "paused",
         "channel_down", "channel_unusable", "preferences", "inbox_unread", "wordless"),
        SOME,
    ),
    **dict.fromkeys(
        ("unreadable_rules", "not_expanded", "conflicts", "expand_stopped", "never_expanded",
         "rule_findings", "backfill_stopped", "enrolments_lost", "many_deleted"),
        RULES,
    ),
    **dict.fromkeys(
        ("could_not_follow", "doubled_sessions", "group_differs", "alarm_before_minutes",
         "end_before_start", "date_out_of_range", "sweep_stopped", "zones_differ", "clock"),
        ROWS,
    ),
    **dict.fromkeys(("admin_unreached", "workers_unknown", "check_failed"), ADMIN),
}  # fmt: skip


def harmed_by(finding: Finding) -> str:
    """Whom it hurts: by its code, else by its severity."""
    if finding.code in HARMED:
        return HARMED[finding.code]
    if finding.severity is Severity.NOTE:
        return "Nobody yet"
    return LATER

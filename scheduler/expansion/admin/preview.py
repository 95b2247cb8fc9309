"""Preview of a rule in words, date by date: the rows after the next run, with reasons."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from models.catalog import read_catalog
from scheduler.expansion.chunk import decide
from scheduler.expansion.find.work_list import find_changed_rules
from scheduler.expansion.span import Span
from scheduler.holidays import left_out_of_count
from scheduler.occurrences import why
from scheduler.rules import Rule, RuleColumns, Unreadable, describe, read_rule
from scheduler.settings import Settings
from scheduler.site.absences import absence_words
from scheduler.site.session_times import readable_date


class NotASeries(Exception):
    """The session does not exist, or neither carries nor belongs to a rule. One line."""


@dataclass(frozen=True, slots=True)
class PreviewDate:
    """One date of a rule. `state` is an occurrence's, or `planned` for a row still to be made."""

    date: date
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A rule in words, and its dates. For an unreadable rule: the reason, and its existing rows."""

    session_id: int
    rule: str
    dates: tuple[PreviewDate, ...]


def preview(engine: Engine, settings: Settings, as_of: datetime, session_id: int) -> Preview:
    """The next EXPAND_DAYS of the series that a session carries or belongs to. Writes nothing.

    `as_of` is aware. Raises SiteMismatch, and NotASeries where the session has no series.
    """
    with engine.connect() as conn:
        span = Span.ahead(read_catalog(conn), settings, as_of)
        anchor_id = _anchor_of(conn, session_id)
        rule = _rule_of(conn, span, anchor_id)
        decision = decide(conn, span, [anchor_id], find_changed_rules(conn, span).work)
        absent = next(
            (one.left_out for one in decision.series if one.anchor_id == anchor_id), frozenset()
        )
        state = conn.execute(STATE, {"id": anchor_id}).one_or_none()
        rows = conn.execute(DATES, {"id": anchor_id, "first": span.first, "last": span.last}).all()
        conn.rollback()
    words = _worded(rule)
    if state is not None and state.state not in ("active", "unreadable"):
        words += f"; {state.state}: {state.reason.replace('_', ' ')}"
    if anchor_id != session_id:
        words += f" (the rule of session {anchor_id}, which session {session_id} belongs to)"
    return Preview(anchor_id, words, tuple(_explained(span, rule, absent, *row) for row in rows))


SWITCHED_OFF = Unreadable("switched_off", "is_recurring is not true")


def _worded(rule: Rule | Unreadable) -> str:
    if rule is SWITCHED_OFF:
        return "no rule, as is_recurring is not true"
    return f"unreadable: {rule.reason}" if isinstance(rule, Unreadable) else describe(rule)


# Prefixes of the reasons of dates that are skipped because of another date or row.
NO_HOLIDAY = (
    "rule_changed", "series_", "conflict with ", "refused by ", "a person ", "session ", "absence ",
)  # fmt: skip


def _explained(
    span: Span,
    rule: Rule | Unreadable,
    absent: frozenset[date],
    day: date,
    state: str,
    reason: str | None,
) -> PreviewDate:
    words = []
    if isinstance(rule, Rule):
        words.append(why(rule, day, left_out_of_count(span.settings, rule, day) | absent))
    if state == "skipped" and reason and not reason.startswith(NO_HOLIDAY):
        reason = f"{day} is a holiday: {reason}"
    if reason:
        # The server's words name its tables and constraints, which are not ours to spell.
        ours = not reason.startswith("refused by ")
        words.append(reason.replace("_", " ") if ours else reason)
    return PreviewDate(day, state, "; ".join(words))


def _anchor_of(conn: Connection, session_id: int) -> int:
    row = conn.execute(FIND_ANCHOR, {"id": session_id}).one_or_none()
    if row is None:
        raise NotASeries(f"there is no session {session_id}: give the id of a tutor_sessions row.")
    if row.anchor_id is None:
        raise NotASeries(
            f"session {session_id} carries no rule: is_recurring is not true, and no rule made it."
        )
    anchor_id: int = row.anchor_id
    return anchor_id


# A session whose rule is switched off still has its series, while it is no row of another one.
# Index: primary keys of tutor_sessions and series; occurrence_session.
FIND_ANCHOR = text("""
    SELECT CASE WHEN t.is_recurring THEN t.id ELSE coalesce(
               (SELECT min(o.anchor_id) FROM session_worker.occurrence o
                  JOIN tutor_sessions a ON a.id = o.anchor_id WHERE o.session_id = t.id),
               (SELECT s.anchor_id FROM session_worker.series s WHERE s.anchor_id = t.id)) END
           AS anchor_id
      FROM tutor_sessions t WHERE t.id = :id""")


def _rule_of(conn: Connection, span: Span, anchor_id: int) -> Rule | Unreadable:
    package = span.catalog.read("t", "tutor_sessions", "package_duration")
    row = conn.execute(
        text(READ_RULE.format(day=readable_date("t"), package=package)), {"id": anchor_id}
    ).one()
    rule = read_rule(RuleColumns(*row), span.policy).rule
    return rule if rule is not None else SWITCHED_OFF


READ_RULE = """
    SELECT {day}, t.is_recurring, t.session_frequency::text, t.recurring_pattern::text,
           {package}, t.start_time FROM tutor_sessions t WHERE t.id = :id"""

# The dates as they are after the next run. A row that moves is shown on its new date.
# Index: primary key of occurrence.
DATES = text(f"""
    WITH stands AS (
        SELECT o.* FROM session_worker.occurrence o
         WHERE o.anchor_id = :id AND o.occurs_on BETWEEN :first AND :last
           AND NOT EXISTS (SELECT FROM sw_change m WHERE m.kind = 'move'
                              AND m.anchor_id = o.anchor_id AND m.old_on = o.occurs_on)),
    candidate AS (SELECT * FROM sw_candidate WHERE anchor_id = :id AND inside)
    SELECT coalesce(c.occurs_on, o.occurs_on) AS day,
           CASE WHEN x.kind = 'cancel' THEN 'skipped'
                WHEN c.kind = 'insert' AND c.verdict = 'place'
                     THEN CASE WHEN o.reason LIKE 'refused by %' THEN o.state ELSE 'planned' END
                WHEN c.kind = 'insert' THEN c.verdict
                WHEN c.verdict = 'place' AND c.kind <> 'keep' THEN 'created'
                ELSE o.state END,
           CASE WHEN x.kind = 'cancel' THEN 'session ' || x.session_id || ' is cancelled'
                     || coalesce('\\: ' || {absence_words("r.absence")}, '')
                WHEN c.kind = 'move' THEN 'session ' || c.session_id || ' moves here from '
                     || x.old_on
                WHEN c.kind = 'revive' AND c.verdict = 'place' THEN 'session ' || c.session_id
                     || ', cancelled before, comes back'
                WHEN c.kind = 'keep' AND c.stays THEN 'session ' || c.session_id
                     || ' cannot follow: conflict with session '
                     || coalesce(c.blocked_by, c.blocked_anchor)
                WHEN x.kind = 'keep' THEN 'session ' || x.session_id || ' follows in '
                     || array_to_string(x.loose, ', ')
                WHEN c.verdict = 'conflict' THEN 'conflict with session ' || coalesce(
                     c.blocked_by, c.blocked_anchor)
                WHEN c.verdict = 'adopted' THEN 'session ' || c.session_id || ' is there already'
                WHEN c.verdict = 'place' AND o.reason LIKE 'refused by %'
                     THEN o.reason || ', tried again'
                WHEN c.verdict = 'place' THEN c.mark
                WHEN o.state = 'adopted' THEN concat_ws(', ', 'session ' || o.session_id
                     || ' was there already', o.reason)
                WHEN o.absence IS NOT NULL THEN {absence_words("coalesce(w.absence, o.absence)")}
                ELSE o.reason END
      FROM candidate c
      FULL JOIN stands o ON o.occurs_on = c.occurs_on
      LEFT JOIN sw_change x ON x.anchor_id = :id
       AND x.session_id = coalesce(c.session_id, o.session_id)
      LEFT JOIN sw_row r ON r.anchor_id = :id AND r.session_id = x.session_id
      LEFT JOIN sw_wanted w ON w.anchor_id = :id AND w.occurs_on = o.occurs_on
     UNION ALL
    SELECT w.occurs_on, 'skipped', coalesce({absence_words("w.absence")}, w.holiday)
      FROM sw_wanted w
     WHERE w.anchor_id = :id AND w.holiday IS NOT NULL AND w.occurs_on BETWEEN :first AND :last
       AND NOT EXISTS (SELECT FROM session_worker.occurrence o
                        WHERE o.anchor_id = :id AND o.occurs_on = w.occurs_on)
     ORDER BY 1""")

# The state that the run would give the series. One row.
STATE = text("SELECT state, reason FROM sw_series WHERE anchor_id = :id")

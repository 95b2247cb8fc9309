"""Judgement of a run, by the providers' record and the site's rows.

The ledger is asked for two things alone: the words why somebody was not told, and whether what it
calls sent was taken by a provider.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from tests.simulation.hours import Hours
from tests.simulation.provider import Call, Record, Told
from tests.simulation.site import Site
from tests.simulation.worker_parts import Standing

GRACE = timedelta(minutes=1)
LEASE = timedelta(seconds=15)  # the shorter one of those that runs have
REPEATING = {"email"}


class Wrong(AssertionError):
    """A promise was broken; the words say which."""


def judge_call(
    call: Call,
    record: Record,
    site: Site,
    wished: Mapping[Told, int],
    acknowledged: Mapping[tuple[object, int, int], int],
) -> None:
    """Before the provider takes it. Raises Wrong."""
    for told in call.told:
        if told.kind != "notice":
            judge_truth(call, told)
            judge_once(call, told, record, wished)
        if told.kind == "escalation":
            judge_silence(call, told, acknowledged)
    person = next(iter(call.told)).person
    since = site.out_since(person)
    if since is not None and since < call.read_step:
        raise Wrong(f"person {person} is out since step {since} and is written to")


def judge_truth(call: Call, told: Told) -> None:
    if told.kind != "follow_up" and call.decided_at >= told.start + GRACE:
        raise Wrong(f"{told} was sent at {call.decided_at:%H:%M:%S}")
    known = [call.truth[session] for session in call.sessions if session in call.truth]
    rows = [row for row in known if row.start == told.start]
    if not rows or any(row.status != "scheduled" for row in rows):
        raise Wrong(f"{told} was not true when it was committed as sending: {rows}")
    if not all(is_on(row, told.kind) for row in rows):
        raise Wrong(f"{told} was switched off when it was committed as sending")
    if not all(told.person in theirs(row, told.kind) for row in rows):
        raise Wrong(f"{told} is for somebody else: {rows}")


def is_on(row: Standing, kind: str) -> bool:
    match kind:
        case "reminder":
            return row.reminds
        case "alarm" | "escalation":
            return row.alarms
        case _:
            return True


def theirs(row: Standing, kind: str) -> set[int]:
    """Whom a message of the kind is for."""
    match kind:
        case "alarm":
            return {row.student_user}
        case "escalation" | "follow_up":
            return {row.tutor_user}
        case _:
            return {row.tutor_user, row.student_user}


def judge_silence(
    call: Call, told: Told, acknowledged: Mapping[tuple[object, int, int], int]
) -> None:
    """Of all its alarms one at least was not acknowledged before it was looked at."""
    since = [acknowledged.get((told.start, *pair), call.read_step) for pair in call.pairs]
    if since and max(since) < call.read_step:
        raise Wrong(f"{told} is passed on, though it was acknowledged")


def judge_once(call: Call, told: Told, record: Record, wished: Mapping[Told, int]) -> None:
    """An earlier message with the same content is excused by silence, or by a wish after it."""
    before = [
        one for one in record.calls
        if one is not call and told in one.told and one.pairs & call.pairs
        and one.step > wished.get(told, -1)
    ]  # fmt: skip
    unanswered = 0
    for one in before:
        if one.is_lost and one.channel != call.channel:
            continue
        if one.confirmed_step is not None and one.answer in ("yes", "late yes"):
            raise Wrong(f"{told} is sent again, though an earlier yes is in the ledger")
        if one.answer in ("busy", "down", "never"):
            continue
        unanswered += 1
        if one.channel not in REPEATING and one.channel == call.channel:
            raise Wrong(f"{told} is repeated on {one.channel}, after silence")
        is_silent = one.has_ended and "silence" in one.answer
        lives = not one.fiber.process.is_dead and not one.was_disturbed and not is_silent
        if lives and call.at - one.at < LEASE:
            raise Wrong(f"{told} is sent while it is being sent")
    if unanswered > 1:
        raise Wrong(f"{told} is sent a third time after silence")


LEDGER = text("""
    SELECT d.id, d.person_id, d.starts_at, d.kind, d.lead_minutes, d.state, d.reason, d.retry_at,
           d.session_id, d.channel, d.due_at,
           EXISTS (SELECT FROM session_worker.inbox i WHERE d.id = ANY(i.deliveries)) AS in_inbox
      FROM session_worker.delivery d ORDER BY d.id""")
DUE = text("""
    SELECT s.id, (s.session_date + s.start_time) AT TIME ZONE 'Africa/Addis_Ababa' AS start,
           t.user_id AS tutor, u.user_id AS student, s.notification_enabled, s.alarm_enabled,
           (SELECT max(at) FROM simulated.touched c WHERE c.id = s.id) AS touched_at
      FROM public.tutor_sessions s
      JOIN public.tutor_profiles t ON t.id = s.tutor_id
      JOIN public.student_profiles u ON u.id = s.student_id
     WHERE s.status = 'scheduled' AND s.session_date = DATE '2026-12-01' ORDER BY s.id""")
REASONLESS = {"failed", "unknown", "held", "expired", "obsolete", "unreachable"}
OPEN = {"planned", "claimed", "sending"}


def judge_end(
    conn: Connection, record: Record, site: Site, settled_at: datetime | None = None
) -> None:
    """When all sessions have begun and everything was given time. Raises Wrong.

    `settled_at`: when nothing had broken for six minutes and all that was due was handed out.
    """
    rows = conn.execute(LEDGER).all()
    calls = [call for call in record.calls if call.taken or call.is_arrived]
    taken = {told for call in calls for told in call.told}
    asked = {id_ for call in calls for id_ in call.sessions}
    by_told: dict[Told, list[Any]] = {}
    for row in rows:
        told = Told(row.person_id, row.starts_at, row.kind, row.lead_minutes)
        by_told.setdefault(told, []).append(row)
        judge_ending(row)
        if settled_at is not None:
            judge_in_time(row, settled_at)
        if row.state != "sent" or row.kind == "notice" or row.reason in OTHERS_WORDS:
            continue
        is_told = row.session_id in asked if row.kind == "follow_up" else was_taken(told, taken)
        is_kept = row.channel == "log" or (row.channel == "inbox" and row.in_inbox)
        if not is_told and not is_kept:
            raise Wrong(f"{told} is called sent, and no provider has it")
    for due in conn.execute(DUE).all():
        if site.committed_at(due.touched_at) > due.start - GRACE:
            continue  # entered or changed when it had begun
        for told in wanted(due, site.hours):
            if told not in by_told and not was_taken(told, taken):
                raise Wrong(f"{told} of session {due.id} has neither a message nor a reason")
    judge_rows(conn, site)


def judge_in_time(row: Any, settled_at: datetime) -> None:
    """What was due then was sent before the start, or it was said why not."""
    is_due = row.due_at <= settled_at and row.starts_at > settled_at + GRACE
    if row.state == "expired" and row.kind in ("alarm", "reminder") and is_due:
        raise Wrong(f"delivery {row.id} was due at {row.due_at:%H:%M:%S}, and nobody sent it")


# Sent by the word of somebody else than a provider.
OTHERS_WORDS = {"settled_by_admin", "acknowledged", "no_other_channel"}


def judge_ending(row: Any) -> None:
    if row.state in OPEN:
        raise Wrong(f"delivery {row.id} is {row.state} for ever")
    if row.state in REASONLESS and not row.reason:
        raise Wrong(f"delivery {row.id} is {row.state} without a reason")
    if row.state == "failed" and row.retry_at is not None:
        raise Wrong(f"delivery {row.id} waits for a try that never comes")


def was_taken(told: Told, taken: set[Told]) -> bool:
    """Leads that are due together go as one message, by the nearest."""
    return any(
        (one.person, one.start, one.kind) == (told.person, told.start, told.kind)
        and one.lead <= told.lead
        for one in taken
    )


def wanted(due: Any, hours: Hours) -> Iterator[Told]:
    if due.notification_enabled:
        for lead in hours.leads:
            yield Told(due.tutor, due.start, "reminder", lead)
            yield Told(due.student, due.start, "reminder", lead)
    if due.alarm_enabled:
        yield Told(due.student, due.start, "alarm", hours.alarm)


TWINS = text("""
    SELECT o.anchor_id, o.occurs_on, count(*) FROM session_worker.occurrence o
      JOIN public.tutor_sessions s ON s.id = o.session_id AND o.state = 'created'
     WHERE s.status = 'scheduled'
     GROUP BY s.tutor_id, s.student_id, s.session_date, s.start_time, o.anchor_id, o.occurs_on
    HAVING count(*) > 1""")
GENERATED = text("""
    SELECT a.id AS anchor, s.session_date, count(*) FROM public.tutor_sessions a
      JOIN public.tutor_sessions s
        ON s.id <> a.id AND s.tutor_id = a.tutor_id AND s.student_id = a.student_id
       AND s.start_time = a.start_time AND s.session_date > DATE '2026-12-01'
     WHERE a.is_recurring GROUP BY a.id, s.session_date HAVING count(*) > 1""")
MISSING = text("""
    SELECT day::date FROM public.tutor_sessions a,
           generate_series(DATE '2026-12-02', DATE '2026-12-10', interval '1 day') day
     WHERE a.is_recurring AND extract(isodow FROM day) IN (2, 4)
       AND NOT EXISTS (SELECT FROM session_worker.occurrence o
                        WHERE o.anchor_id = a.id AND o.occurs_on = day
                          AND (o.session_id IS NOT NULL OR o.reason IS NOT NULL))
       AND NOT EXISTS (SELECT FROM session_worker.series e
                        WHERE e.anchor_id = a.id AND e.state <> 'active')""")


COVERS = """x.withdrawn_at IS NULL AND {date} BETWEEN x.first_day AND x.last_day
       AND (x.tutor_id = {row}.tutor_id OR x.student_id = {row}.student_id
            OR x.tutor_id IS NULL AND x.student_id IS NULL)"""
GENERATED_ROWS = f"""
    SELECT s.id, s.session_date FROM session_worker.occurrence o
      JOIN session_worker.series e ON e.anchor_id = o.anchor_id AND e.state = 'active'
      JOIN public.tutor_sessions s ON s.id = o.session_id AND s.session_date > DATE '2026-12-01'
     WHERE o.state = 'created' AND s.id <> ALL(:placed) AND s.status = '{{status}}'
       AND {{is_away}} (SELECT FROM session_worker.absence x
                         WHERE {{hours}} {COVERS.format(date="s.session_date", row="s")})"""
# Hours of a day cover a lesson or not: that is not judged.
STANDS_IN_ABSENCE = text(GENERATED_ROWS.format(
    status="scheduled", is_away="EXISTS", hours="x.from_time IS NULL AND"))  # fmt: skip
STAYS_CANCELLED = text(GENERATED_ROWS.format(
    status="cancelled", is_away="NOT EXISTS", hours=""))  # fmt: skip
STAYS_SKIPPED = text(f"""
    SELECT o.anchor_id, o.occurs_on FROM session_worker.occurrence o
      JOIN session_worker.series e ON e.anchor_id = o.anchor_id AND e.state = 'active'
      JOIN public.tutor_sessions a ON a.id = o.anchor_id
     WHERE o.state = 'skipped' AND o.reason LIKE 'absence%' AND o.occurs_on > DATE '2026-12-01'
       AND NOT EXISTS (SELECT FROM session_worker.absence x
                        WHERE {COVERS.format(date="o.occurs_on", row="a")})""")


def judge_rows(conn: Connection, site: Site) -> None:
    placed = {"placed": sorted({id_ for id_, _ in site.written})}
    for statement, words in (
        (TWINS, "a date has two rows"), (GENERATED, "a date has two rows"),
        (MISSING, "a date has neither a row nor a reason"),
        (STAYS_SKIPPED, "a date is skipped for an absence that is over"),
    ):  # fmt: skip
        if found := conn.execute(statement).all():
            raise Wrong(f"{words}: {found}")
    for statement, words in (
        (STANDS_IN_ABSENCE, "a lesson stands, though somebody is away"),
        (STAYS_CANCELLED, "a lesson stays cancelled, though nobody is away"),
    ):  # fmt: skip
        if found := conn.execute(statement, placed).all():
            raise Wrong(f"{words}: {found}")
    for (id_, name), value in sorted(site.written.items(), key=str):
        is_now = conn.execute(
            text(f"SELECT {name} FROM public.tutor_sessions WHERE id = :id"), {"id": id_}
        ).one_or_none()
        if is_now is None or is_now[0] != value:
            raise Wrong(f"{name} of session {id_} was written as {value}, and is {is_now}")

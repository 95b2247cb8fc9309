"""Judgement of a run, by the providers' record and the site's rows.

The ledger is asked for two things alone: the words why somebody was not told, and whether what it
calls sent was taken by a provider.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from tests.simulation.provider import Call, Record, Told
from tests.simulation.site import Site

GRACE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)
REPEATING = {"email"}


class Wrong(AssertionError):
    """A promise was broken; the words say which."""


def judge_call(call: Call, record: Record, site: Site, retried: Mapping[Told, int]) -> None:
    """Before the provider takes it. Raises Wrong."""
    for told in call.told:
        if told.kind != "notice":
            judge_truth(call, told)
            judge_once(call, told, record, retried)
    person = next(iter(call.told)).person
    since = site.out_since(person)
    if since is not None and since < call.read_step:
        raise Wrong(f"person {person} is out since step {since} and is written to")


def judge_truth(call: Call, told: Told) -> None:
    if call.decided_at >= told.start + GRACE:
        raise Wrong(f"{told} was sent at {call.decided_at:%H:%M:%S}")
    known = [call.truth[session] for session in call.sessions if session in call.truth]
    rows = [row for row in known if row[1] == told.start]
    if not rows or any(row[2] != "scheduled" for row in rows):
        raise Wrong(f"{told} was not true when it was committed as sending: {rows}")
    switch = {"reminder": 3, "alarm": 4}.get(told.kind)
    if switch is not None and not all(row[switch] for row in rows):
        raise Wrong(f"{told} was switched off when it was committed as sending")


def judge_once(call: Call, told: Told, record: Record, retried: Mapping[Told, int]) -> None:
    """An earlier message with the same content is excused by silence, or an admin's wish."""
    before = [one for one in record.calls if one is not call and told in one.told]
    unanswered = 0
    for one in before:
        if retried.get(told, -1) > one.step:
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
           d.session_id, d.channel
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


def judge_end(conn: Connection, record: Record, site: Site, leads: tuple[int, ...]) -> None:
    """When all sessions have begun and everything was given time. Raises Wrong."""
    rows = conn.execute(LEDGER).all()
    taken = {told for call in record.calls if call.taken for told in call.told}
    by_told: dict[Told, list[Any]] = {}
    for row in rows:
        told = Told(row.person_id, row.starts_at, row.kind, row.lead_minutes)
        by_told.setdefault(told, []).append(row)
        if row.state in OPEN:
            raise Wrong(f"delivery {row.id} is {row.state} for ever")
        if row.state in REASONLESS and not row.reason:
            raise Wrong(f"delivery {row.id} is {row.state} without a reason")
        if row.state == "failed" and row.retry_at is not None:
            raise Wrong(f"delivery {row.id} waits for a try that never comes")
        sent = row.state == "sent" and row.reason != "settled_by_admin"
        if sent and row.kind != "notice" and not was_taken(told, taken):
            raise Wrong(f"{told} is called sent, and no provider has it")
    for due in conn.execute(DUE).all():
        if site.committed_at(due.touched_at) > due.start - GRACE:
            continue  # entered or changed when it had begun
        for told in wanted(due, leads):
            if told not in by_told and not was_taken(told, taken):
                raise Wrong(f"{told} of session {due.id} has neither a message nor a reason")
    judge_rows(conn, site)


def was_taken(told: Told, taken: set[Told]) -> bool:
    """Leads that are due together go as one message, by the nearest."""
    return any(
        (one.person, one.start, one.kind) == (told.person, told.start, told.kind)
        and one.lead <= told.lead
        for one in taken
    )


def wanted(due: Any, leads: tuple[int, ...]) -> Iterator[Told]:
    if due.notification_enabled:
        for lead in leads:
            yield Told(due.tutor, due.start, "reminder", lead)
            yield Told(due.student, due.start, "reminder", lead)
    if due.alarm_enabled:
        yield Told(due.student, due.start, "alarm", 15)


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


def judge_rows(conn: Connection, site: Site) -> None:
    for statement, words in (
        (TWINS, "a date has two rows"), (GENERATED, "a date has two rows"),
        (MISSING, "a date has neither a row nor a reason"),
    ):  # fmt: skip
        if found := conn.execute(statement).all():
            raise Wrong(f"{words}: {found}")
    for (id_, name), value in sorted(site.written.items(), key=str):
        is_now = conn.execute(
            text(f"SELECT {name} FROM public.tutor_sessions WHERE id = :id"), {"id": id_}
        ).one_or_none()
        if is_now is None or is_now[0] != value:
            raise Wrong(f"{name} of session {id_} was written as {value}, and is {is_now}")

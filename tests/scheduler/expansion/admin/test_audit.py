"""Faults that the audit attributes to the worker, and decisions of people that it only notes."""

from datetime import date, time

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.audit import AuditFinding, audit
from scheduler.settings import OnStop, Settings
from tests.builders import a_session, a_student, an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site
from tests.servers import shared_engine_on

THE_8TH, THE_15TH = date(2026, 12, 8), date(2026, 12, 15)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def found(site: Site) -> tuple[AuditFinding, ...]:
    site.conn.commit()
    return audit(site.engine, Settings(expand_days=28), NOON)


def told(site: Site) -> list[tuple[str, str, int]]:
    return [(one.code, one.severity.value, one.session_id) for one in found(site)]


def a_twin(site: Site, **columns: object) -> int:
    """Another rule for the same Tuesdays."""
    return an_anchor(site.conn, session_date=date(2026, 12, 2),
                     recurring_pattern={"days": ["Tuesday"]}, **columns)  # fmt: skip


# Doubled


def test_a_row_that_a_person_moved_onto_another_of_its_series_is_a_note(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    moved = site.row_on(anchor, THE_15TH).id
    site.edit(moved, session_date=THE_8TH)
    site.run()

    assert told(site) == [("doubled", "note", moved)]


def test_a_moved_row_with_the_lower_id_is_a_note_too(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(site.row_on(anchor, THE_8TH).id, session_date=THE_15TH)
    site.run()

    assert told(site) == [("doubled", "note", site.row_on(anchor, THE_15TH).id)]


def test_a_row_that_people_entered_and_moved_there_is_a_note(site: Site) -> None:
    anchor = an_anchor(site.conn)
    by_hand = a_session(site.conn, session_date=date(2026, 12, 10), **site.pair(anchor))
    site.run()
    site.edit(by_hand, session_date=THE_15TH)
    site.run()

    assert told(site) == [("doubled", "note", site.row_on(anchor, THE_15TH).id)]


def test_a_row_restored_beside_the_one_in_its_place_is_a_note(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    old = site.row_on(anchor, THE_15TH).id
    site.edit(anchor, session_frequency="bi-weekly", session_date=THE_8TH)
    site.run()
    assert site.sql("SELECT status FROM tutor_sessions WHERE id = :i", i=old).scalar() == (
        "cancelled")  # fmt: skip
    twin = a_twin(site, **site.pair(anchor))
    site.run()
    new = site.row_on(twin, THE_15TH).id
    assert new != old
    site.edit(old, status="scheduled")
    site.run()

    assert told(site) == [("doubled", "note", new)]


def test_two_rows_that_the_worker_put_at_one_time_are_a_fault(site: Site) -> None:
    anchor = an_anchor(site.conn)
    twin = a_twin(site, **site.pair(anchor))
    site.run()
    again = site.sql(
        """INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time,
                                       end_time, mode, duration)
           SELECT tutor_id, student_id, subject, session_date, start_time, end_time, mode, duration
             FROM tutor_sessions WHERE id = :id RETURNING id""",
        id=site.row_on(anchor, THE_15TH).id,
    ).scalar()
    site.sql(
        """UPDATE session_worker.occurrence SET state = 'created', session_id = :row
            WHERE anchor_id = :twin AND occurs_on = '2026-12-15'""",
        row=again, twin=twin,
    )  # fmt: skip

    assert told(site) == [("doubled", "error", again), ("overlap", "error", again)]


# Overlapping


def two_lessons_of_a_tutor(site: Site) -> tuple[int, int]:
    """Tuesdays at 14:00, and at 15:00 with another student: their rows of the 15th."""
    first = an_anchor(site.conn)
    second = a_twin(
        site, tutor_id=site.pair(first)["tutor_id"], student_id=a_student(site.conn),
        start_time=time(15), end_time=time(16),
    )  # fmt: skip
    site.run()
    return site.row_on(first, THE_15TH).id, site.row_on(second, THE_15TH).id


def test_a_lesson_that_a_person_made_longer_overlaps_by_their_choice(site: Site) -> None:
    first, _ = two_lessons_of_a_tutor(site)
    site.edit(first, end_time=time(15, 30))
    site.run()

    assert told(site) == []


def test_rows_that_the_worker_made_to_overlap_are_a_fault(site: Site) -> None:
    first, second = two_lessons_of_a_tutor(site)
    site.edit(first, end_time=time(15, 30))
    site.sql("""UPDATE session_worker.occurrence SET kept = '{"end_time": "15:30:00"}'
                 WHERE session_id = :id""", id=first)  # fmt: skip

    assert told(site) == [("overlap", "error", max(first, second))]


def test_a_row_that_was_restored_overlaps_by_a_persons_choice(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run(on_stop=OnStop.CANCEL)
    old = site.row_on(anchor, THE_15TH).id
    site.edit(anchor, is_recurring=False)
    site.run(on_stop=OnStop.CANCEL)
    a_twin(site, tutor_id=site.pair(anchor)["tutor_id"], start_time=time(14, 30),
           end_time=time(15, 30))  # fmt: skip
    site.run(on_stop=OnStop.CANCEL)
    site.edit(old, status="scheduled")
    site.run(on_stop=OnStop.CANCEL)

    site.conn.commit()
    settings = Settings(expand_days=28, on_stop=OnStop.CANCEL)
    assert audit(site.engine, settings, NOON) == ()

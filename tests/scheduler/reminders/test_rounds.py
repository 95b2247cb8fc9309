"""The passes that beat queues: the tick plans messages that newly fall due, the sweep all
others."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.catalog import read_catalog
from models.installation import installation_matches
from scheduler.reminders import home, sweep, tick
from scheduler.reminders.changes import Changes
from scheduler.reminders.progress import progress
from scheduler.settings import Settings, load_settings
from scheduler.turns import try_sweep_turn, wait_planning_turn
from tests.builders import a_session
from tests.scheduler.ledger.rows import a_delivery, row_of
from tests.scheduler.reminders.passes import ALARMED, REMINDED, at
from tests.servers import connect

SECOND = timedelta(seconds=1)


class Beat:
    def __init__(self, conn: Connection, **changes: Any) -> None:
        self.conn = conn
        self.settings: Settings = load_settings(
            _env_file=None, channel_email="mailto://u:p@mail.example?to={email}", **changes
        )

    def tick(self, now: datetime) -> Changes:
        changes = tick.tick(self.conn, read_catalog(self.conn), self.settings, now)
        self.conn.commit()
        return changes

    def ticks(self, since: datetime, until: datetime, step: timedelta = SECOND) -> int:
        """How many messages ticks one after the other plan."""
        planned = 0
        while since <= until:
            planned += len(self.tick(since).planned)
            since += step
        return planned

    def sweep(self, now: datetime) -> Changes:
        changes = sweep.sweep(self.conn, read_catalog(self.conn), self.settings, now)
        self.conn.commit()
        return changes


@pytest.fixture
def beat(conn: Connection) -> Beat:
    """Beat, with its first tick made the day before."""
    made = Beat(conn)
    made.tick(at("12:00", -2))
    return made


def states(conn: Connection) -> list[tuple[int, str, str | None]]:
    found = conn.execute(
        text("SELECT lead_minutes, state, reason FROM session_worker.delivery ORDER BY id")
    )
    return [(row.lead_minutes, row.state, row.reason) for row in found]


def test_the_first_tick_on_a_new_ledger_sends_nothing_due_before_it(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    Beat(conn).tick(at("13:10"))

    assert {reason for _, _, reason in states(conn)} == {"before_first_tick"}


def test_the_first_tick_plans_what_is_still_to_fall_due(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    Beat(conn).tick(at("12:59:30"))

    assert (60, "planned", None) in states(conn)


def test_the_first_tick_plans_nothing_for_sessions_that_have_begun(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    Beat(conn).tick(at("14:10"))

    assert states(conn) == []


def test_what_a_round_by_hand_left_before_the_first_tick_is_not_sent(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    beat = Beat(conn)
    sweep.sweep_by_hand(conn, read_catalog(conn), beat.settings, at("12:59:30"))
    beat.tick(at("13:10"))

    assert (60, "obsolete", "before_first_tick") in states(conn)


def test_a_round_by_hand_is_not_the_first_tick(conn: Connection) -> None:
    beat = Beat(conn)
    sweep.sweep_by_hand(conn, read_catalog(conn), beat.settings, at("13:00"))

    assert progress(conn).first_tick_at is None


def test_a_round_by_hand_does_not_move_what_ticks_have_planned(
    conn: Connection, beat: Beat
) -> None:
    before = progress(conn)
    sweep.sweep_by_hand(conn, read_catalog(conn), beat.settings, at("13:00"))

    assert progress(conn) == before


@pytest.mark.parametrize("plan_ahead", ["60s", "5s", "0s"])
def test_ticks_leave_no_gap(conn: Connection, plan_ahead: str) -> None:
    beat = Beat(conn, plan_ahead=plan_ahead)
    beat.tick(at("12:58:00"))
    for minutes in range(0, 60, 7):
        a_session(conn, start_time=f"14:00:{minutes:02}", end_time=None, **REMINDED)
    beat.tick(at("12:58:01"))
    beat.ticks(at("12:58:02"), at("13:01:00"))

    assert [state for _, state, _ in states(conn)] == ["planned"] * 9


def test_ticks_plan_alarms_as_they_fall_due(conn: Connection, beat: Beat) -> None:
    beat.tick(at("13:40"))
    a_session(conn, **ALARMED)

    assert beat.ticks(at("13:40:01"), at("13:45")) == 1
    assert states(conn) == [(15, "planned", None)]


PLANS = text("""
    SELECT sum(generic_plans) AS kept, sum(custom_plans) AS made, max(prepare_time) AS at
      FROM pg_prepared_statements WHERE name LIKE 'plan\\_%'""")


def test_ticks_keep_the_plan_of_their_statement_for_a_minute(conn: Connection, beat: Beat) -> None:
    a_session(conn, **ALARMED)
    beat.tick(at("13:40"))
    seen = []
    for second in (10, 20, 30, 40):
        beat.tick(at("13:40") + second * SECOND)
        seen.append(conn.execute(PLANS).one())
    beat.tick(at("13:40") + 80 * SECOND)
    again = conn.execute(PLANS).one()

    assert [(one.kept, one.made) for one in seen] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert len({one.at for one in seen}) == 1
    assert (again.kept, again.at > seen[0].at) == (1, True)


def test_a_tick_that_comes_late_makes_up_for_those_that_did_not_come(
    conn: Connection, beat: Beat
) -> None:
    a_session(conn, **REMINDED)
    beat.tick(at("13:20"))

    assert states(conn) == [(60, "planned", None), (1440, "obsolete", "nearer_lead")]


def test_after_a_long_sleep_sessions_that_began_have_expired_messages(
    conn: Connection, beat: Beat
) -> None:
    a_session(conn, **REMINDED)
    changes = beat.tick(at("14:05"))

    assert {state for _, state, _ in states(conn)} == {"expired"}
    assert len(changes.expired) == 2


def test_sessions_that_began_more_than_a_day_ago_have_no_messages(
    conn: Connection, beat: Beat
) -> None:
    a_session(conn, **REMINDED)
    beat.tick(at("14:01", 1))

    assert states(conn) == []


def test_the_sweep_finds_a_session_entered_late(conn: Connection, beat: Beat) -> None:
    beat.tick(at("13:50"))
    a_session(conn, **ALARMED)
    beat.tick(at("13:50:01"))
    assert states(conn) == []
    beat.sweep(at("13:50:02"))

    assert states(conn) == [(15, "planned", None)]


def test_a_tick_plans_by_the_alarm_leads_that_the_sweep_found(conn: Connection, beat: Beat) -> None:
    beat.tick(at("13:00"))
    a_session(conn, alarm_enabled=True, alarm_before_minutes=37)
    beat.sweep(at("13:00:10"))

    assert progress(conn).alarm_leads == [37]
    assert beat.ticks(at("13:00:20"), at("13:23"), timedelta(seconds=30)) == 1


def test_the_sweep_waits_for_the_first_tick(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    Beat(conn).sweep(at("13:10"))

    assert states(conn) == []


def test_a_tick_returns_at_once_where_another_round_is_under_way(
    conn: Connection, database: str, beat: Beat
) -> None:
    a_session(conn, **REMINDED)
    conn.commit()
    with connect(database) as other:
        wait_planning_turn(other)
        assert beat.tick(at("13:00")) == Changes()

    assert len(beat.tick(at("13:00")).planned) == 1


def test_a_sweep_returns_at_once_where_another_is_under_way(
    conn: Connection, database: str, beat: Beat
) -> None:
    beat.tick(at("13:00"))
    lost = a_delivery(conn, state="claimed", lease_until=at("00:00", -300))
    conn.commit()
    with connect(database) as other:
        assert try_sweep_turn(other)
        assert beat.sweep(at("13:00")) == Changes()
        assert row_of(conn, lost).state == "claimed"

    beat.sweep(at("13:00"))
    assert row_of(conn, lost).state != "claimed"


def test_the_sweep_takes_back_what_leases_lost(conn: Connection, beat: Beat) -> None:
    over = at("00:00", -300)
    claimed = a_delivery(conn, state="claimed", lease_until=over)
    sending = a_delivery(conn, student_id=2, state="sending", lease_until=over, channel="email")
    texting = a_delivery(conn, student_id=3, state="sending", lease_until=over, channel="sms")
    beat.sweep(at("12:00", -1))

    # The sweep proceeds at once: repeatable messages are planned again, but the session does not
    # exist.
    taken = [row_of(conn, id_) for id_ in (claimed, sending, texting)]
    assert [(row.state, row.reason) for row in taken] == [
        ("obsolete", "deleted"),
        ("obsolete", "deleted"),
        ("held", "no_answer"),
    ]


def test_rounds_leave_a_sign_of_life(conn: Connection, beat: Beat) -> None:
    beat.tick(at("13:00"))
    beat.sweep(at("13:00:05"))

    found = conn.execute(text("SELECT name, beat_at FROM session_worker.heartbeat ORDER BY name"))
    assert found.all() == [("sweep", at("13:00:05")), ("tick", at("13:00"))]


def test_on_a_copy_everything_is_held_and_nothing_is_planned(conn: Connection, beat: Beat) -> None:
    id_ = a_delivery(conn)
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'the_live_one'"))

    assert home.hold_elsewhere(conn)
    held = row_of(conn, id_)
    causes = conn.execute(text("SELECT id, cause FROM session_worker.held_batch")).all()
    assert (held.state, held.reason) == ("held", "wrong_database")
    assert causes == [(held.batch, "wrong_database")]


def test_a_copy_with_nothing_to_send_has_no_batch(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'the_live_one'"))
    home.hold_elsewhere(conn)

    assert conn.scalar(text("SELECT count(*) FROM session_worker.held_batch")) == 0


def test_what_a_copy_holds_goes_into_one_batch(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'the_live_one'"))
    ids = []
    for student in (1, 2):
        ids.append(a_delivery(conn, student_id=student))
        home.hold_elsewhere(conn)

    assert len({row_of(conn, id_).batch for id_ in ids}) == 1


def test_at_home_nothing_is_held(conn: Connection) -> None:
    id_ = a_delivery(conn)

    assert not home.hold_elsewhere(conn)
    assert row_of(conn, id_).state == "planned"


def test_after_a_restore_what_was_due_by_the_last_tick_is_held_and_the_rest_goes_on(
    conn: Connection, beat: Beat
) -> None:
    beat.tick(at("13:00"))
    before = a_delivery(conn, student_id=1, due_at=at("12:59"), state="claimed")
    after = a_delivery(conn, student_id=2, due_at=at("13:01"))
    conn.execute(text("UPDATE session_worker.installation SET timeline = timeline - 1"))

    assert not home.hold_elsewhere(conn)

    assert (row_of(conn, before).state, row_of(conn, before).reason) == ("held", "rewound")
    assert row_of(conn, after).state == "planned"
    assert installation_matches(conn)

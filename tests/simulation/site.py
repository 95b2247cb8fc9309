"""The site and its people, as the simulation has them: what they enter, and what they change."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor, an_absence, an_enrolment
from tests.simulation.fibers import Turns
from tests.simulation.hours import TODAY, Hours

# What somebody does on the site, and how often.
EDITS = {
    "move": 5, "cancel": 5, "restore": 6, "delete": 3, "enter_anew": 3, "switch": 4, "reassign": 3,
    "enter_one": 5, "change_all": 1, "bar": 3, "mute": 2, "word": 2, "readdress": 5, "prefer": 5,
    "be_away": 3, "come_back": 2,
}  # fmt: skip


@dataclass
class Site:
    """`out`: users who may get nothing → since which step; `written`: rows that a person wrote:
    (id, column) → the value. `spans`: when its transactions began and ended. `called`: whom the
    last messages were for, and about which sessions: with these most happens."""

    turns: Turns
    chance: random.Random
    hours: Hours
    called: Callable[[], tuple[list[int], list[int]]]
    tutors: list[int] = field(default_factory=list)
    students: list[int] = field(default_factory=list)
    out: dict[int, int] = field(default_factory=dict)
    written: dict[tuple[int, str], Any] = field(default_factory=dict)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def begin(self, conn: Connection) -> None:
        for number in range(2):
            self.tutors.append(a_tutor(conn, **self.address(number)))
        for number in range(3):
            self.students.append(a_student(conn, **self.address(number + 5)))
        for tutor in self.tutors:
            for student in self.students:
                an_enrolment(conn, tutor_id=tutor, student_profile_id=student)
        for _ in range(self.chance.randint(8, 14)):
            self.enter(conn)
        a_session(
            conn, **self.pair(), is_recurring=True, session_frequency="weekly",
            session_date=TODAY - timedelta(days=7), start_time=self.start(),
            end_time=None, duration=30, notification_enabled=True, alarm_enabled=True,
            alarm_before_minutes=self.hours.alarm,
            recurring_pattern='{"days": ["Tuesday", "Thursday"]}',
        )  # fmt: skip
        conn.commit()

    def address(self, number: int) -> dict[str, Any]:
        way = self.chance.choice(("mail", "mail", "both", "both", "both", "phone", "none"))
        return {
            "email": f"p{number}@tutoring.example" if way in ("mail", "both") else None,
            "phone": f"+25191100000{number}" if way in ("phone", "both") else None,
        }

    def pair(self) -> dict[str, int]:
        return {
            "tutor_id": self.chance.choice(self.tutors),
            "student_id": self.chance.choice(self.students),
        }

    def start(self) -> time:
        return self.chance.choice(self.hours.starts)

    def enter(self, conn: Connection) -> int:
        return a_session(
            conn, **self.pair(), session_date=TODAY, start_time=self.start(),
            end_time=None, duration=30, notification_enabled=self.chance.random() < 0.9,
            alarm_enabled=self.chance.random() < 0.8, alarm_before_minutes=self.hours.alarm,
        )  # fmt: skip

    # What happens; each is a transaction of the site's

    def edit(self) -> Callable[[Connection], None]:
        """Something that somebody does on the site."""
        name = self.chance.choices([*EDITS], [*EDITS.values()])[0]
        edit: Callable[[Connection], None] = getattr(self, name)
        return edit

    def some(self, conn: Connection) -> Any:
        """A session that is to come."""
        rows = conn.execute(text(
            "SELECT * FROM public.tutor_sessions WHERE NOT coalesce(is_recurring, false)"
            " ORDER BY session_date, start_time, id LIMIT 14")).all()  # fmt: skip
        _, called = self.called()
        fresh = [row for row in rows if row.id in called]
        if fresh and self.chance.random() < 0.5:
            return self.chance.choice(fresh)
        return self.chance.choice(rows) if rows else None

    def somebody(self) -> int:
        """A user."""
        called, _ = self.called()
        if called and self.chance.random() < 0.5:
            return self.chance.choice(called)
        return self.chance.randint(1, 5)

    def write(self, conn: Connection, **columns: Any) -> None:
        if (row := self.some(conn)) is None:
            return
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        done = conn.execute(  # what stands there already is nobody's edit
            text(f"UPDATE public.tutor_sessions SET {sets} WHERE id = :id"
                 f" AND ({names}) IS DISTINCT FROM ({values})"),
            {**columns, "id": row.id},
        )  # fmt: skip
        if done.rowcount:
            self.written |= {(row.id, name): value for name, value in columns.items()}

    def move(self, conn: Connection) -> None:
        self.write(conn, start_time=self.start())

    def cancel(self, conn: Connection) -> None:
        self.write(conn, status="cancelled")

    def restore(self, conn: Connection) -> None:
        self.write(conn, status="scheduled")

    def word(self, conn: Connection) -> None:
        self.write(conn, topic=f"topic {self.chance.randint(1, 9)}")

    def switch(self, conn: Connection) -> None:
        name = self.chance.choice(("notification_enabled", "alarm_enabled"))
        self.write(conn, **{name: self.chance.random() < 0.5})

    def reassign(self, conn: Connection) -> None:
        if self.chance.random() < 0.5:
            self.write(conn, tutor_id=self.chance.choice(self.tutors))
        else:
            self.write(conn, student_id=self.chance.choice(self.students))

    def delete(self, conn: Connection) -> None:
        if (row := self.some(conn)) is not None:
            conn.execute(text("DELETE FROM public.tutor_sessions WHERE id = :id"), {"id": row.id})
            self.forget(row.id)

    def enter_anew(self, conn: Connection) -> None:
        """A row deleted and entered again, as a page that saves does."""
        if (row := self.some(conn)) is None:
            return
        conn.execute(text("DELETE FROM public.tutor_sessions WHERE id = :id"), {"id": row.id})
        self.forget(row.id)
        a_session(conn, **{
            name: getattr(row, name)
            for name in ("tutor_id", "student_id", "session_date", "start_time", "end_time",
                         "duration", "notification_enabled", "alarm_enabled",
                         "alarm_before_minutes", "status", "subject")
        })  # fmt: skip

    def enter_one(self, conn: Connection) -> None:
        self.enter(conn)

    def change_all(self, conn: Connection) -> None:
        conn.execute(text(
            "UPDATE public.tutor_sessions SET start_time = start_time + interval '3 minutes'"
            " WHERE session_date = :day AND NOT coalesce(is_recurring, false)"), {"day": TODAY}
        )  # fmt: skip
        self.written = {key: value for key, value in self.written.items() if key[1] != "start_time"}

    def bar(self, conn: Connection) -> None:
        """Somebody's account is switched off, or on again."""
        user = self.somebody()
        is_active = user in self.out
        conn.execute(text("UPDATE public.users SET is_active = :on WHERE id = :id"),
                     {"on": is_active, "id": user})  # fmt: skip
        conn.commit()
        self.note_out(user, is_out=not is_active)

    def mute(self, conn: Connection) -> None:
        user = self.somebody()
        is_muted = user + 100 not in self.out
        conn.execute(text(
            "INSERT INTO session_worker.preference (person_id, kind, muted)"
            " VALUES (:id, '*', :muted) ON CONFLICT (person_id, kind) DO UPDATE"
            " SET muted = excluded.muted"), {"id": user, "muted": is_muted})  # fmt: skip
        conn.commit()
        self.note_out(user + 100, is_out=is_muted)

    def readdress(self, conn: Connection) -> None:
        """Somebody's addresses are changed, or taken away."""
        user = self.somebody()
        address = self.address(user * 10 + self.chance.randint(0, 9))
        conn.execute(text("UPDATE public.users SET email = :email, phone = :phone WHERE id = :id"),
                     {"id": user, **address})  # fmt: skip

    def prefer(self, conn: Connection) -> None:
        """Channels in an order of one's own, and at times an hour of quiet."""
        channels = self.chance.choice((["email"], ["sms"], ["sms", "email"], ["email", "sms"]))
        quiet = self.chance.choice(((None, None), (time(8), time(9, 6))))
        conn.execute(text(
            "INSERT INTO session_worker.preference (person_id, kind, channels, quiet_from,"
            " quiet_until) VALUES (:id, '*', :channels, :begins, :ends)"
            " ON CONFLICT (person_id, kind) DO UPDATE SET channels = excluded.channels,"
            " quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until"),
            {"id": self.somebody(), "channels": channels, "begins": quiet[0],
             "ends": quiet[1]})  # fmt: skip

    def be_away(self, conn: Connection) -> None:
        """A tutor, a student or everybody, for a day or some, or for some hours of them."""
        who = self.chance.choice((
            {"tutor_id": self.chance.choice(self.tutors)}, {},
            {"student_id": self.chance.choice(self.students)},
        ))  # fmt: skip
        first = TODAY + timedelta(days=self.chance.randint(0, 7))
        last = first + timedelta(days=self.chance.choice((0, 0, 2, 7)))
        hours = self.chance.choice(({}, {}, {"from_time": time(9, 12)}))
        an_absence(conn, first, last, reason="away", **who, **hours)

    def come_back(self, conn: Connection) -> None:
        """An absence is withdrawn, or its row deleted."""
        found = conn.scalars(
            text("SELECT id FROM session_worker.absence WHERE withdrawn_at IS NULL ORDER BY id")
        ).all()
        if not found:
            return
        withdraw = self.chance.choice((
            "UPDATE session_worker.absence SET withdrawn_at = clock_timestamp() WHERE id = :id",
            "DELETE FROM session_worker.absence WHERE id = :id",
        ))  # fmt: skip
        conn.execute(text(withdraw), {"id": self.chance.choice(found)})

    def note_out(self, who: int, *, is_out: bool) -> None:
        if is_out:
            self.out[who] = self.turns.steps
        else:
            self.out.pop(who, None)

    def out_since(self, person: int) -> int | None:
        """The step since which this person may get nothing, by account or by wish."""
        steps = [self.out[who] for who in (person, person + 100) if who in self.out]
        return min(steps) if steps else None

    def committed_at(self, written_at: datetime) -> datetime:
        """When what was written at that instant was seen by others."""
        return max([written_at, *(end for begin, end in self.spans if begin <= written_at <= end)])

    def forget(self, id_: int) -> None:
        self.written = {key: value for key, value in self.written.items() if key[0] != id_}

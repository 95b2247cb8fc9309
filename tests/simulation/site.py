"""The site and its people, as the simulation has them: what they enter, and what they change."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor, an_enrolment
from tests.simulation.fibers import Turns

TODAY = date(2026, 12, 1)
# Wall times: the run begins at 09:00.
STARTS = tuple(time(9 + minute // 60, minute % 60) for minute in range(12, 76, 7))


@dataclass
class Site:
    """`out`: users who may get nothing → since which step; `written`: rows that a person wrote:
    (id, column) → the value. `spans`: when its transactions began and ended."""

    turns: Turns
    chance: random.Random
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
        for _ in range(self.chance.randint(6, 10)):
            self.enter(conn)
        a_session(
            conn, **self.pair(), is_recurring=True, session_frequency="weekly",
            session_date=TODAY - timedelta(days=7), start_time=self.chance.choice(STARTS),
            end_time=None, duration=30, notification_enabled=True, alarm_enabled=True,
            alarm_before_minutes=15, recurring_pattern='{"days": ["Tuesday", "Thursday"]}',
        )  # fmt: skip
        conn.commit()

    def address(self, number: int) -> dict[str, Any]:
        way = self.chance.choice(("mail", "mail", "mail", "both", "both", "phone", "none"))
        return {
            "email": f"p{number}@tutoring.example" if way in ("mail", "both") else None,
            "phone": f"+25191100000{number}" if way in ("phone", "both") else None,
        }

    def pair(self) -> dict[str, int]:
        return {
            "tutor_id": self.chance.choice(self.tutors),
            "student_id": self.chance.choice(self.students),
        }

    def enter(self, conn: Connection) -> int:
        return a_session(
            conn, **self.pair(), session_date=TODAY, start_time=self.chance.choice(STARTS),
            end_time=None, duration=30, notification_enabled=self.chance.random() < 0.9,
            alarm_enabled=self.chance.random() < 0.8, alarm_before_minutes=15,
        )  # fmt: skip

    # What happens; each is a transaction of the site's

    def edit(self) -> Callable[[Connection], None]:
        """Something that somebody does on the site."""
        return self.chance.choices(
            [self.move, self.cancel, self.restore, self.delete, self.enter_anew, self.switch,
             self.reassign, self.enter_one, self.change_all, self.bar, self.mute, self.word],
            [5, 4, 4, 3, 3, 3, 3, 3, 1, 3, 2, 2],
        )[0]  # fmt: skip

    def some(self, conn: Connection) -> Any:
        """A session that is to come."""
        rows = conn.execute(text(
            "SELECT * FROM public.tutor_sessions WHERE NOT coalesce(is_recurring, false)"
            " ORDER BY session_date, start_time, id LIMIT 8")).all()  # fmt: skip
        return self.chance.choice(rows) if rows else None

    def write(self, conn: Connection, **columns: Any) -> None:
        if (row := self.some(conn)) is None:
            return
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        done = conn.execute(
            text(f"UPDATE public.tutor_sessions SET {sets} WHERE id = :id"),
            {**columns, "id": row.id},
        )
        if done.rowcount:
            self.written |= {(row.id, name): value for name, value in columns.items()}

    def move(self, conn: Connection) -> None:
        self.write(conn, start_time=self.chance.choice(STARTS))

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
            "UPDATE public.tutor_sessions SET start_time = start_time + interval '5 minutes'"
            " WHERE session_date = :day AND NOT coalesce(is_recurring, false)"), {"day": TODAY}
        )  # fmt: skip
        self.written = {key: value for key, value in self.written.items() if key[1] != "start_time"}

    def bar(self, conn: Connection) -> None:
        """Somebody's account is switched off, or on again."""
        user = self.chance.randint(1, 5)
        is_active = user in self.out
        conn.execute(text("UPDATE public.users SET is_active = :on WHERE id = :id"),
                     {"on": is_active, "id": user})  # fmt: skip
        conn.commit()
        self.note_out(user, is_out=not is_active)

    def mute(self, conn: Connection) -> None:
        user = self.chance.randint(1, 5)
        is_muted = user + 100 not in self.out
        conn.execute(text(
            "INSERT INTO session_worker.preference (person_id, kind, muted)"
            " VALUES (:id, '*', :muted) ON CONFLICT (person_id, kind) DO UPDATE"
            " SET muted = excluded.muted"), {"id": user, "muted": is_muted})  # fmt: skip
        conn.commit()
        self.note_out(user + 100, is_out=is_muted)

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

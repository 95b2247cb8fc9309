"""The site's people, sessions and enrolments as typed classes (design, "Layout"; the site's page of
tables).

The site owns and writes these tables. Any column declared as `optional` may be missing from a live
database: it is read only on demand, and an INSERT names it only if it was given a value. Reading a
missing one raises `ColumnMissing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Connection,
    DateTime,
    FetchedValue,
    Float,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedColumn,
    ORMExecuteState,
    Session,
    mapped_column,
    relationship,
)
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from models.whiteboard import WhiteboardSession

UNDEFINED_COLUMN = "42703"


class ColumnMissing(Exception):
    """A statement named a column that this database does not have. The message is one line."""


class SiteBase(DeclarativeBase):
    """A table of the site. Rows are not refreshed after an INSERT, as that would name the optional
    columns."""

    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012 (SQLAlchemy reads the class attribute)


SITE_TABLES = SiteBase.metadata

# None is stored as SQL NULL, like the site does, and not as the JSON value null.
Json = JSON(none_as_null=True)


def optional(
    type_: TypeEngine[Any] | type[TypeEngine[Any]], default: str = ""
) -> MappedColumn[Any]:
    """A column that may be missing from a live database. `default` is SQL.

    It is declared as filled by the server, so that an INSERT leaves it out if it was not set.
    """
    filled = text(default) if default else FetchedValue()
    return mapped_column(type_, deferred=True, server_default=filled)


class User(SiteBase):
    """A person's account. Ethiopian names: first, father's, grandfather's."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str | None] = optional(String)
    father_name: Mapped[str | None] = optional(String)
    grandfather_name: Mapped[str | None] = optional(String)
    email: Mapped[str | None] = mapped_column(String, unique=True)
    phone: Mapped[str | None] = mapped_column(
        String, unique=True, deferred=True, server_default=FetchedValue()
    )
    is_active: Mapped[bool | None] = optional(Boolean, "true")
    email_verified: Mapped[bool | None] = optional(Boolean, "false")
    phone_verified: Mapped[bool | None] = optional(Boolean, "false")
    roles: Mapped[list[str] | None] = optional(Json)
    active_role: Mapped[str | None] = optional(String)


class TutorProfile(SiteBase):
    """A user's profile as a tutor."""

    __tablename__ = "tutor_profiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str | None] = optional(String)
    is_active: Mapped[bool | None] = optional(Boolean, "true")
    is_suspended: Mapped[bool | None] = optional(Boolean, "false")

    user: Mapped[User] = relationship()
    enrolments: Mapped[list[Enrolment]] = relationship(back_populates="tutor")
    sessions: Mapped[list[TutorSession]] = relationship(
        primaryjoin="TutorProfile.id == foreign(TutorSession.tutor_id)", back_populates="tutor"
    )


class StudentProfile(SiteBase):
    """A user's profile as a student. `parent_id`: ids of the parents' parent_profiles; may be NULL
    or empty."""

    __tablename__ = "student_profiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str | None] = optional(String)
    grade_level: Mapped[str | None] = optional(String)
    parent_id: Mapped[list[int] | None] = optional(ARRAY(Integer))

    user: Mapped[User] = relationship()
    enrolments: Mapped[list[Enrolment]] = relationship(back_populates="student")
    sessions: Mapped[list[TutorSession]] = relationship(
        primaryjoin="StudentProfile.id == foreign(TutorSession.student_id)",
        back_populates="student",
    )


class ParentProfile(SiteBase):
    """A user's profile as a parent. The whole table may be missing."""

    __tablename__ = "parent_profiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    user: Mapped[User] = relationship()


class Enrolment(SiteBase):
    """A student's place with a tutor (`tutor_students`)."""

    __tablename__ = "tutor_students"
    __table_args__ = (UniqueConstraint("tutor_id", "student_profile_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tutor_id: Mapped[int] = mapped_column(ForeignKey("tutor_profiles.id"))
    student_profile_id: Mapped[int] = mapped_column(ForeignKey("student_profiles.id"))
    requester_type: Mapped[str | None] = optional(String)
    student_name: Mapped[str | None] = optional(String)
    student_grade: Mapped[str | None] = optional(String)
    package_name: Mapped[str | None] = optional(String)
    contact_phone: Mapped[str | None] = optional(String)
    contact_email: Mapped[str | None] = optional(String)
    profile_picture: Mapped[str | None] = optional(String)
    session_request_id: Mapped[int | None] = optional(Integer)
    enrolled_at: Mapped[datetime | None] = optional(DateTime, "now()")
    created_at: Mapped[datetime | None] = optional(DateTime, "now()")
    updated_at: Mapped[datetime | None] = optional(DateTime, "now()")

    tutor: Mapped[TutorProfile] = relationship(back_populates="enrolments")
    student: Mapped[StudentProfile] = relationship(back_populates="enrolments")
    whiteboard_sessions: Mapped[list[WhiteboardSession]] = relationship(back_populates="enrolment")


class TutorSession(SiteBase):
    """One session, which may carry a rule. Date and times are wall times at the site, without zone.

    The site declares no foreign keys here. `tutor` and `student` join by profile ids; where the
    catalogue's key is `ProfileKey.USER`, join by `user_id` instead.
    """

    __tablename__ = "tutor_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    tutor_id: Mapped[int]
    student_id: Mapped[int]
    enrollment_id: Mapped[int | None] = optional(Integer)
    subject: Mapped[str] = mapped_column(String)
    topic: Mapped[str | None] = optional(String)
    session_date: Mapped[date]
    start_time: Mapped[time]
    end_time: Mapped[time | None]
    duration: Mapped[int | None] = optional(Integer, "60")
    mode: Mapped[str | None] = mapped_column(String)
    location: Mapped[str | None] = optional(String)
    meeting_link: Mapped[str | None] = optional(String)
    objectives: Mapped[str | None] = optional(Text)
    topics_covered: Mapped[Any | None] = optional(Json)
    materials_used: Mapped[Any | None] = optional(Json)
    homework_assigned: Mapped[str | None] = optional(Text)
    tutor_notes: Mapped[str | None] = optional(Text)
    student_feedback: Mapped[str | None] = optional(Text)
    student_rating: Mapped[float | None] = optional(Float)
    status: Mapped[str | None] = mapped_column(String, server_default="scheduled")
    student_attended: Mapped[bool | None] = optional(Boolean)
    tutor_attended: Mapped[bool | None] = optional(Boolean)
    amount: Mapped[float | None] = optional(Float)
    payment_status: Mapped[str | None] = optional(String, "'pending'")
    session_frequency: Mapped[str | None] = mapped_column(String(50), server_default="one-time")
    is_recurring: Mapped[bool | None] = mapped_column(server_default=text("false"))
    recurring_pattern: Mapped[Any | None] = mapped_column(Json)
    package_duration: Mapped[int | None] = optional(Integer)
    grade_level: Mapped[str | None] = optional(String)
    notification_enabled: Mapped[bool | None] = mapped_column(server_default=text("false"))
    alarm_enabled: Mapped[bool | None] = mapped_column(server_default=text("false"))
    alarm_before_minutes: Mapped[int | None] = optional(Integer, "15")
    is_featured: Mapped[bool | None] = optional(Boolean, "false")
    created_at: Mapped[datetime | None] = optional(DateTime, "now()")
    updated_at: Mapped[datetime | None] = optional(DateTime, "now()")

    tutor: Mapped[TutorProfile] = relationship(
        primaryjoin="foreign(TutorSession.tutor_id) == TutorProfile.id", back_populates="sessions"
    )
    student: Mapped[StudentProfile] = relationship(
        primaryjoin="foreign(TutorSession.student_id) == StudentProfile.id",
        back_populates="sessions",
    )
    enrolment: Mapped[Enrolment | None] = relationship(
        primaryjoin="foreign(TutorSession.enrollment_id) == Enrolment.id", viewonly=True
    )


def create_site_tables(connection: Connection) -> None:
    """Create the site's tables in an empty database, for development and tests.

    Runs in the caller's transaction. Raises ProgrammingError where one of the tables exists.
    """
    SITE_TABLES.create_all(connection, checkfirst=False)


@event.listens_for(Session, "do_orm_execute")
def name_a_missing_column(state: ORMExecuteState) -> Any:
    """Raise ColumnMissing for PostgreSQL's "column does not exist" on the site's tables."""
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, SiteBase):
        return None
    with missing_columns_named():
        return state.invoke_statement()


@contextmanager
def missing_columns_named() -> Iterator[None]:
    """Turn PostgreSQL's "column does not exist" in the block into ColumnMissing."""
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != UNDEFINED_COLUMN:
            raise
        raise ColumnMissing(missing_column_line(error)) from error


def missing_column_line(error: ProgrammingError) -> str:
    words = str(error.orig).splitlines()[0]
    return f"a column is missing: {words} (`celery -A tasks setup` lists the missing columns)."

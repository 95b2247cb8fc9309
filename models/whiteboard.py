"""The site's whiteboard: sessions of an enrolment, their pages, strokes and chat.

All of these tables are optional. The worker reads only the names of whiteboard sessions.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    String,
    Text,
    Time,
    UniqueConstraint,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.site import Enrolment, SiteBase, User, missing_columns_named, optional


class NoEnrolment(Exception):
    """The enrolment for a new whiteboard session does not exist. The message is one line."""


class WhiteboardSession(SiteBase):
    """A whiteboard session; `booking_id` is the id of the enrolment. Older copies have
    `scheduled_start`, `scheduled_end` and `session_title` instead of date, times and name."""

    __tablename__ = "whiteboard_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("tutor_students.id"))
    session_name: Mapped[str | None] = optional(String)
    session_date: Mapped[date | None] = optional(Date)
    start_time: Mapped[time | None] = optional(Time)
    end_time: Mapped[time | None] = optional(Time)
    status: Mapped[str | None] = optional(String, "'scheduled'")
    whiteboard_data_id: Mapped[int | None] = optional(Integer)

    enrolment: Mapped[Enrolment] = relationship(back_populates="whiteboard_sessions")
    pages: Mapped[list[WhiteboardPage]] = relationship(
        back_populates="session", order_by="WhiteboardPage.page_number"
    )
    chat: Mapped[list[WhiteboardChatMessage]] = relationship(
        back_populates="session", order_by="WhiteboardChatMessage.id"
    )


class WhiteboardPage(SiteBase):
    __tablename__ = "whiteboard_pages"
    __table_args__ = (UniqueConstraint("session_id", "page_number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("whiteboard_sessions.id"))
    page_number: Mapped[int]
    page_title: Mapped[str | None] = optional(String)
    background_color: Mapped[str | None] = optional(String)
    background_image: Mapped[str | None] = optional(String)
    is_active: Mapped[bool | None] = optional(Boolean, "true")

    session: Mapped[WhiteboardSession] = relationship(back_populates="pages")
    strokes: Mapped[list[WhiteboardStroke]] = relationship(
        back_populates="page", order_by="WhiteboardStroke.stroke_order"
    )


class WhiteboardStroke(SiteBase):
    """A stroke (`whiteboard_canvas_data`): pen, eraser, line, rectangle, circle, text or arrow."""

    __tablename__ = "whiteboard_canvas_data"

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("whiteboard_pages.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("whiteboard_sessions.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    stroke_type: Mapped[str] = mapped_column(String)
    stroke_data: Mapped[Any] = mapped_column(JSONB)
    stroke_order: Mapped[int]
    is_deleted: Mapped[bool | None] = optional(Boolean, "false")

    page: Mapped[WhiteboardPage] = relationship(back_populates="strokes")
    user: Mapped[User] = relationship()


class WhiteboardChatMessage(SiteBase):
    """A message of the chat. `message_type`: text, system or file."""

    __tablename__ = "whiteboard_chat_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("whiteboard_sessions.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    message_text: Mapped[str | None] = mapped_column(Text)
    message_type: Mapped[str | None] = optional(String, "'text'")
    file_url: Mapped[str | None] = optional(String)
    is_read: Mapped[bool | None] = optional(Boolean, "false")
    created_at: Mapped[datetime | None] = optional(DateTime, "now()")

    session: Mapped[WhiteboardSession] = relationship(back_populates="chat")
    sender: Mapped[User] = relationship()


def open_whiteboard_session(
    session: Session,
    enrolment_id: int,
    *,
    name: str | None = None,
    session_date: date | None = None,
    start_time: time | None = None,
    end_time: time | None = None,
) -> WhiteboardSession:
    """Create a whiteboard session of an enrolment; it is flushed, the caller commits.

    The enrolment cannot be deleted before the transaction ends, even without a foreign key. Values
    that are not given are left out of the INSERT, as older copies do not have their columns. Raises
    NoEnrolment where the enrolment does not exist, ColumnMissing where a given column is missing.
    """
    hold_enrolment(session, enrolment_id)
    wished = {
        "session_name": name,
        "session_date": session_date,
        "start_time": start_time,
        "end_time": end_time,
    }
    given = {column: value for column, value in wished.items() if value is not None}
    opened = WhiteboardSession(booking_id=enrolment_id, **given)
    session.add(opened)
    with missing_columns_named():
        session.flush()
    return opened


def hold_enrolment(session: Session, enrolment_id: int) -> None:
    """Lock the enrolment against deletion, with the weakest lock that does. Index: primary key."""
    held = (
        select(Enrolment.id)
        .where(Enrolment.id == enrolment_id)
        .with_for_update(read=True, key_share=True)
    )
    if session.scalar(held) is None:
        raise NoEnrolment(
            f"enrolment {enrolment_id} is not in tutor_students: enrol the student with the tutor"
            " first, or name another enrolment."
        )

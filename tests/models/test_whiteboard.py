"""Whiteboard sessions through the models, on new and older copies."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time

import pytest
from sqlalchemy import Connection, delete, select, text
from sqlalchemy.orm import Session

from models.site import ColumnMissing, Enrolment, User
from models.whiteboard import (
    NoEnrolment,
    WhiteboardChatMessage,
    WhiteboardPage,
    WhiteboardSession,
    WhiteboardStroke,
    open_whiteboard_session,
)
from tests.bare_site import make_the_whiteboard_older
from tests.builders import a_user, an_enrolment
from tests.eventually import eventually
from tests.locks import someone_waits
from tests.servers import connect


@pytest.fixture
def session(conn: Connection) -> Iterator[Session]:
    with Session(conn) as session:
        yield session


def test_an_enrolment_leads_to_its_boards_pages_strokes_and_chat(
    conn: Connection, session: Session
) -> None:
    board = open_whiteboard_session(session, an_enrolment(conn), name="Fractions")
    person = session.get_one(User, a_user(conn))
    page = WhiteboardPage(session=board, page_number=1)
    stroke = WhiteboardStroke(
        page=page, session_id=board.id, user=person, stroke_type="pen", stroke_data={"x": [1]},
        stroke_order=1,
    )  # fmt: skip
    words = WhiteboardChatMessage(session=board, sender=person, message_text="ሰላም")
    session.add_all([page, stroke, words])
    session.commit()

    enrolment = session.scalars(select(Enrolment)).one()

    assert enrolment.whiteboard_sessions == [board]
    assert board.pages == [page]
    assert page.strokes == [stroke]
    assert board.chat == [words]


def test_pages_and_strokes_come_in_their_order(conn: Connection, session: Session) -> None:
    board = open_whiteboard_session(session, an_enrolment(conn))
    board.pages = [WhiteboardPage(page_number=number) for number in (3, 1, 2)]
    session.commit()

    assert [page.page_number for page in board.pages] == [1, 2, 3]


def test_a_board_keeps_its_name_and_time(conn: Connection, session: Session) -> None:
    opened = open_whiteboard_session(
        session, an_enrolment(conn), name="Fractions", session_date=date(2026, 12, 1),
        start_time=time(14), end_time=time(15),
    )  # fmt: skip
    session.commit()

    assert (opened.session_name, opened.session_date) == ("Fractions", date(2026, 12, 1))
    assert (opened.start_time, opened.end_time) == (time(14), time(15))
    assert opened.status == "scheduled"


def test_no_board_is_opened_without_an_enrolment(session: Session) -> None:
    with pytest.raises(NoEnrolment, match="enrolment 77 is not in tutor_students: enrol the"):
        open_whiteboard_session(session, 77)

    assert session.scalars(select(WhiteboardSession)).all() == []


def test_an_enrolment_stays_until_its_board_is_committed(
    conn: Connection, session: Session, database: str
) -> None:
    drop_the_foreign_keys(conn)
    place = an_enrolment(conn)
    conn.commit()
    opened = open_whiteboard_session(session, place)

    with connect(database) as site, ThreadPoolExecutor() as pool:
        going = pool.submit(site.execute, delete(Enrolment).where(Enrolment.id == place))
        eventually(lambda: someone_waits(database))
        session.commit()
        going.result(timeout=60)

    assert opened.id


def test_a_board_does_not_outlive_an_enrolment_that_is_going(
    conn: Connection, session: Session, database: str
) -> None:
    drop_the_foreign_keys(conn)
    place = an_enrolment(conn)
    conn.commit()

    with connect(database) as site, ThreadPoolExecutor() as pool:
        site.execute(delete(Enrolment).where(Enrolment.id == place))
        opening = pool.submit(open_whiteboard_session, session, place)
        eventually(lambda: someone_waits(database))
        site.commit()

        with pytest.raises(NoEnrolment):
            opening.result(timeout=60)


def test_the_enrolment_may_be_edited_while_its_board_opens(
    conn: Connection, session: Session, database: str
) -> None:
    place = an_enrolment(conn)
    conn.commit()
    open_whiteboard_session(session, place)

    with connect(database) as site:
        site.execute(text("SET lock_timeout = '1s'"))
        edited = site.execute(text("UPDATE tutor_students SET package_name = 'Summer'"))

    assert edited.rowcount == 1


def test_an_older_copy_opens_boards_without_names(conn: Connection, session: Session) -> None:
    make_the_whiteboard_older(conn)
    place = an_enrolment(conn)

    opened = open_whiteboard_session(session, place)

    assert session.scalars(select(WhiteboardSession)).one() is opened


def test_an_older_copy_says_that_it_has_no_name(conn: Connection, session: Session) -> None:
    make_the_whiteboard_older(conn)
    place = an_enrolment(conn)

    with pytest.raises(ColumnMissing, match='"session_name"'):
        open_whiteboard_session(session, place, name="Fractions")


def drop_the_foreign_keys(conn: Connection) -> None:
    """As in a live database without them: nothing but the lock keeps the enrolment."""
    name = "whiteboard_sessions_booking_id_fkey"
    conn.execute(text(f"ALTER TABLE whiteboard_sessions DROP CONSTRAINT {name}"))
    conn.commit()

"""The inboxes of a term, judged by a walk through its days."""

import pytest
from sqlalchemy import Connection

from tests.school_term.expected import expected, gist_of
from tests.school_term.school import School, school_on
from tests.school_term.term import DAYS, play
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink

# The dead phone, the mother who wants nothing, and the conference.
DAYS_OF_A_PLAIN_RUN = 8


@pytest.fixture
def school(conn: Connection, database: str, smtp_sink: SmtpSink, http_sink: HttpSink) -> School:
    return school_on(conn, database, smtp_sink, http_sink)


@pytest.mark.parametrize("days", [DAYS_OF_A_PLAIN_RUN, pytest.param(DAYS, marks=pytest.mark.long)])
def test_each_person_gets_what_a_walk_through_the_days_expects_and_nothing_else(
    school: School, days: int
) -> None:
    play(school, days)

    assert sorted(map(gist_of, school.inbox)) == expected(days)
    everything = " ".join(letter.title + letter.text for letter in school.inbox)
    assert "conference" not in everything  # the reason of one person is for admins
    assert "fever" not in everything
    assert all("14:00" in each.text or "15:00" in each.text or "16:00" in each.text
               for each in school.inbox)  # fmt: skip

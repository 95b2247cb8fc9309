"""Each person's inbox at the end of the term, to be read by eye.

uv run python -m tests.school_term [--days 98] [--whole]
"""

import argparse

from tasks.demo.servers import Durability, Workspace, start_postgres
from tests.school_term.school import ADDIS, PEOPLE, School, school_on
from tests.school_term.term import DAYS, play
from tests.servers import clone_template, connect, create_template
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.school_term", description=__doc__)
    words.add_argument("--days", type=int, default=DAYS)
    words.add_argument("--whole", action="store_true", help="the texts, too")
    given = words.parse_args()
    with Workspace() as workspace, SmtpSink() as mail, HttpSink() as phones:
        server = start_postgres(workspace, Durability.THROW_AWAY)
        create_template(server, "empty")
        clone_template(server, "term", "empty")
        with connect(server.url("term")) as conn:
            school = school_on(conn, server.url("term"), mail, phones)
            play(school, given.days)
    for person in PEOPLE:
        print(f"\n== {person}")
        show(school, person, whole=given.whole)


def show(school: School, person: str, *, whole: bool) -> None:
    for each in school.inbox:
        if each.person == person:
            at = each.at.astimezone(ADDIS)
            title = each.title or each.text.replace("\n", " ")
            print(f"{at:%a %d %b %H:%M}  {each.channel:5}  {title}")
            if whole:
                print("    " + each.text.replace("\n", "\n    "))


if __name__ == "__main__":
    main()

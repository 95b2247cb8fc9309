"""`celery -A tasks setup` tries a generated row on the site's tables, says what they refuse, and
leaves nothing of it. Constraints, triggers and partitions are real ones.

The rules begin on 2026-12-01 and never end, so the row that is tried lies after it whenever the
tests run.
"""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, text

from models.site import create_site_tables
from tasks.commands.setup import setup
from tests.builders import a_session, an_anchor
from tests.servers import connect

ADDED = "ALTER TABLE tutor_sessions ADD CONSTRAINT of_the_site "
UNIQUE = "UNIQUE (tutor_id, session_date, start_time)"
EXCLUDE = """EXCLUDE USING gist (
    int4range(tutor_id, tutor_id, '[]') WITH =,
    tsrange(session_date + start_time, session_date + end_time) WITH &&)"""
# Codes of notes that are about something else.
NEVER_MIND = ("tutor_ids", "student_ids", "table_missing", "column_missing")


class Installing:
    """A database with the site's tables, where setup is run by its owner."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def sql(self, statement: str) -> None:
        self.conn.execute(text(statement))

    def trigger(self, body: str, when: str = "BEFORE INSERT") -> None:
        self.sql(f"""CREATE FUNCTION of_the_site() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN {body} RETURN NEW; END $$""")
        self.sql(f"""CREATE TRIGGER of_the_site {when} ON tutor_sessions
                     FOR EACH ROW EXECUTE FUNCTION of_the_site()""")

    def notes(self, url: str | None = None) -> list[tuple[str, str]]:
        """Code and detail of setup's findings about rows, after a commit of the test's changes."""
        self.conn.commit()
        own = self.conn.engine.url.render_as_string(hide_password=False)
        runner = CliRunner(env={"DATABASE_URL": url or own})
        done = runner.invoke(setup, ["--json"], catch_exceptions=False)
        assert (done.exit_code, done.stderr) == (0, "")
        found = json.loads(done.stdout)["notes"]
        return [(one["code"], one["detail"]) for one in found if one["code"] not in NEVER_MIND]

    def refused(self) -> str:
        """The one note, which is that a row would be refused."""
        [(code, detail)] = self.notes()
        assert code == "row_refused"
        assert "\n" not in detail
        return detail


@pytest.fixture
def site(empty_database: str) -> Iterator[Installing]:
    with connect(empty_database) as conn:
        create_site_tables(conn)
        yield Installing(conn)


REFUSALS = {
    "CHECK": (
        ADDED + "CHECK (is_recurring OR topic IS NOT NULL)",
        'violates check constraint "of_the_site"',
    ),
    "NOT NULL without a default": (
        "ALTER TABLE tutor_sessions ALTER updated_at DROP DEFAULT, ALTER updated_at SET NOT NULL",
        'null value in column "updated_at"',
    ),
    "NOT NULL where the worker leaves it empty": (
        "ALTER TABLE tutor_sessions ALTER recurring_pattern SET NOT NULL",
        'null value in column "recurring_pattern"',
    ),
    "an enum without scheduled": (
        """CREATE TYPE state AS ENUM ('booked', 'cancelled');
           ALTER TABLE tutor_sessions ALTER status DROP DEFAULT,
                 ALTER status TYPE state USING 'booked'""",
        'invalid input value for enum state: "scheduled"',
    ),
}


@pytest.mark.parametrize(("statement", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_tables_refuse_is_said_in_the_servers_words(
    site: Installing, statement: str, words: str
) -> None:
    anchor = an_anchor(
        site.conn, recurring_pattern={"days": ["Tuesday"]}, updated_at="2026-11-30T12:00"
    )
    site.sql(statement)

    detail = site.refused()

    assert detail.startswith(f"the site would refuse the row of session {anchor}'s rule on 20")
    assert words in detail


@pytest.mark.parametrize("constraint", [UNIQUE, EXCLUDE])
@pytest.mark.parametrize("deferred", ["", "DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"])
def test_a_constraint_that_allows_one_row_a_tutor_is_met_at_once(
    site: Installing, constraint: str, deferred: str
) -> None:
    an_anchor(site.conn)
    site.trigger("NEW.session_date = '2026-12-01';")  # so each row comes where the anchor is
    site.sql(f"{ADDED} {constraint} {deferred}")

    details = [detail for code, detail in site.notes() if code == "row_refused"]

    assert len(details) == 1
    assert '"of_the_site"' in details[0]


def test_a_deferred_constraint_trigger_speaks_before_the_rollback(site: Installing) -> None:
    an_anchor(site.conn)
    site.sql("""CREATE FUNCTION of_the_site() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'sessions are made by the office'; END $$""")
    site.sql("""CREATE CONSTRAINT TRIGGER of_the_site AFTER INSERT ON tutor_sessions
                DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION of_the_site()""")

    assert "sessions are made by the office" in site.refused()


def test_a_trigger_that_refuses_is_quoted_in_one_line(site: Installing) -> None:
    an_anchor(site.conn)
    site.trigger("RAISE EXCEPTION E'not by you\\nabebe@tutoring.example';")

    assert "not by you;" in site.refused()


def test_a_trigger_that_leaves_the_row_out_is_said(site: Installing) -> None:
    an_anchor(site.conn)
    site.trigger("IF NOT NEW.is_recurring THEN RETURN NULL; END IF;")

    assert "a trigger of the site leaves the row out" in site.refused()


def test_a_date_that_no_partition_takes_is_said(site: Installing) -> None:
    site.sql("ALTER TABLE tutor_sessions RENAME TO unparted")
    site.sql("""CREATE TABLE tutor_sessions (LIKE unparted INCLUDING DEFAULTS)
                PARTITION BY RANGE (session_date)""")
    site.sql("CREATE TABLE autumn PARTITION OF tutor_sessions"
             " FOR VALUES FROM ('2026-09-01') TO ('2026-12-02')")  # fmt: skip
    an_anchor(site.conn)

    assert 'no partition of relation "tutor_sessions"' in site.refused()


def test_changes_of_a_row_that_the_site_refuses_are_said_each(site: Installing) -> None:
    anchor = an_anchor(site.conn)
    site.trigger(
        """IF NEW.status = 'cancelled' THEN RAISE EXCEPTION 'only the office cancels'; END IF;
           IF NEW.session_date <> OLD.session_date THEN RETURN NULL; END IF;""",
        "BEFORE UPDATE",
    )

    (moved, move), (cancelled, cancel) = site.notes()

    assert (moved, cancelled) == ("move_refused", "cancel_refused")
    assert move.startswith(f"the site would refuse to move a row of session {anchor}'s rule to 20")
    assert "a trigger of the site leaves the row out; until" in move
    assert "only the office cancels; until" in cancel


def test_the_rule_that_is_tried_is_the_newest_that_has_a_row_to_come(site: Installing) -> None:
    site.sql(ADDED + "CHECK (is_recurring OR topic IS NULL)")
    an_anchor(site.conn, topic="Algebra")
    newest = an_anchor(site.conn, topic="Optics")
    an_anchor(site.conn, recurring_pattern={"days": "no day"})  # unreadable

    assert f"session {newest}'s rule" in site.refused()


def test_the_date_that_is_tried_is_the_first_that_has_no_row(site: Installing) -> None:
    anchor = an_anchor(site.conn)
    site.sql(f"""
        INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time,
                                    end_time, mode, status, topic)
        SELECT tutor_id, student_id, subject, session_date + 7 * n, start_time, end_time, mode,
               status, 'entered by hand'
          FROM tutor_sessions, generate_series(1, 20 + (current_date - session_date) / 7) n
         WHERE id = {anchor}""")
    next_on = site.conn.scalar(text("SELECT max(session_date) + 7 FROM tutor_sessions"))
    site.sql(ADDED + UNIQUE)
    assert site.notes() == []
    site.sql("ALTER TABLE tutor_sessions ADD CHECK (is_recurring OR topic IS NOT NULL)")

    assert f" on {next_on} " in site.refused()


def test_a_rule_that_cannot_be_counted_hides_no_other(site: Installing) -> None:
    anchor = an_anchor(site.conn)
    far = an_anchor(site.conn)
    site.sql(f"UPDATE tutor_sessions SET session_date = '300000-01-01' WHERE id = {far}")
    site.sql(ADDED + "CHECK (is_recurring)")

    assert f"session {anchor}'s rule" in site.refused()


def test_a_site_that_takes_the_row_hears_nothing(site: Installing) -> None:
    an_anchor(site.conn)

    assert site.notes() == []


def test_without_a_rule_nothing_is_tried(site: Installing) -> None:
    a_session(site.conn)
    site.trigger("RAISE EXCEPTION 'no row at all';")

    assert site.notes() == []


def test_nothing_of_the_rehearsal_stays_but_one_value_of_the_sequence(site: Installing) -> None:
    an_anchor(site.conn)
    site.sql("CREATE TABLE told (about integer)")
    site.trigger("INSERT INTO told VALUES (NEW.id);", "AFTER INSERT")
    site.conn.commit()
    before = site.conn.execute(text("SELECT max(id), count(*) FROM tutor_sessions")).one()
    site.conn.commit()

    assert site.notes() == []

    count = site.conn.scalar(text("SELECT count(*) FROM tutor_sessions"))
    told = site.conn.scalar(text("SELECT count(*) FROM told"))
    ledger = site.conn.scalar(text("SELECT count(*) FROM session_worker.occurrence"))
    taken = site.conn.scalar(text("SELECT last_value FROM tutor_sessions_id_seq"))
    assert (count, told, ledger) == (before.count, 0, 0)
    assert taken == before.max + 1


@pytest.mark.parametrize(
    ("constraint", "kind"), [(UNIQUE, "unique"), (EXCLUDE, "exclusion")], ids=["unique", "exclude"]
)
def test_a_deferrable_constraint_is_said_with_what_it_means(
    site: Installing, constraint: str, kind: str
) -> None:
    site.sql(f"{ADDED} {constraint} DEFERRABLE INITIALLY DEFERRED")

    assert site.notes() == [(
        "constraint_deferrable",
        f"the {kind} constraint of_the_site of tutor_sessions is deferrable: the worker has it"
        " checked with each of its statements, not at the commit, so that a row it refuses costs"
        " that date alone",
    )]  # fmt: skip


def test_a_constraint_that_is_checked_at_once_anyway_is_not_mentioned(site: Installing) -> None:
    site.sql(ADDED + UNIQUE)

    assert site.notes() == []


@pytest.fixture
def guest(site: Installing) -> Iterator[str]:
    """The URL of a user who may keep the ledger of an installation, and read the site's tables."""
    site.notes()
    site.sql("CREATE ROLE rehearsing LOGIN PASSWORD 'guest'")
    for schema in ("public", "session_worker"):
        site.sql(f"GRANT USAGE ON SCHEMA {schema} TO rehearsing")
    site.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO rehearsing")
    site.sql("GRANT ALL ON ALL TABLES IN SCHEMA session_worker TO rehearsing")
    site.sql("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA session_worker TO rehearsing")
    site.conn.commit()
    url = site.conn.engine.url.set(username="rehearsing", password="guest")
    yield url.render_as_string(hide_password=False)
    site.conn.rollback()
    site.sql("DROP OWNED BY rehearsing; DROP ROLE rehearsing")
    site.conn.commit()


def test_a_user_who_may_not_write_sessions_reads_what_to_grant(
    site: Installing, guest: str
) -> None:
    an_anchor(site.conn)

    assert site.notes(guest) == [(
        "rights_missing",
        "the user of DATABASE_URL does not have all rights that the worker needs:"
        " GRANT INSERT, UPDATE ON tutor_sessions TO rehearsing;"
        " GRANT USAGE ON SEQUENCE tutor_sessions_id_seq TO rehearsing",
    )]  # fmt: skip


def test_a_policy_that_lets_no_row_in_is_a_refusal(site: Installing, guest: str) -> None:
    an_anchor(site.conn)
    site.sql("GRANT INSERT, UPDATE ON tutor_sessions TO rehearsing")
    site.sql("GRANT USAGE ON SEQUENCE tutor_sessions_id_seq TO rehearsing")
    site.sql("ALTER TABLE tutor_sessions ENABLE ROW LEVEL SECURITY")
    site.sql("CREATE POLICY reads ON tutor_sessions FOR SELECT USING (true)")

    [(code, detail)] = site.notes(guest)

    assert code == "row_refused"
    assert "violates row-level security policy" in detail


def test_a_row_that_waits_for_a_lock_is_said_to_be_untried(site: Installing) -> None:
    an_anchor(site.conn)
    site.notes()
    site.trigger("PERFORM 1 FROM held FOR UPDATE NOWAIT;")
    site.sql("CREATE TABLE held AS SELECT 1 AS one")
    site.conn.commit()
    with connect(site.conn.engine.url.render_as_string(hide_password=False)) as other:
        other.execute(text("SELECT FROM held FOR UPDATE"))

        [(code, detail)] = site.notes()

    assert code == "row_untried"
    assert detail.endswith('could not obtain lock on row in relation "held"; run setup again')

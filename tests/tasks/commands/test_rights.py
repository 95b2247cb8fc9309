"""A database user with few rights: reading works, and writing names the right to grant."""

import re
import secrets
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from click.testing import Result
from sqlalchemy import Connection, make_url, text

from models.rights import ON_THE_LEDGER, grants, missing_rights
from scheduler.doctor import examine_database
from scheduler.settings import load_settings
from tasks import planning
from tasks.commands.audit import audit
from tasks.commands.backfill import backfill
from tasks.commands.expand import expand
from tasks.commands.preview import preview
from tasks.commands.preview_message import preview_message
from tests.builders import an_anchor
from tests.command_line import REPOSITORY, Commands
from tests.servers import connect, engine_on

AS_OF = ("--as-of", "2026-12-01T12:00")
ROWS = "INSERT, UPDATE ON tutor_sessions"


class Guest:
    """Commands as a database user with read access, and the write access that a test grants."""

    def __init__(self, conn: Connection, database: str) -> None:
        self.conn, self.name = conn, f"guest_{secrets.token_hex(6)}"
        self.url = make_url(database).set(username=self.name, password="guest")
        self.owner = Commands(conn, database)
        self.commands = Commands(conn, self.url.render_as_string(hide_password=False))
        conn.execute(text(f"CREATE ROLE {self.name} LOGIN PASSWORD 'guest'"))
        for schema in ("public", "session_worker"):
            self.may(f"USAGE ON SCHEMA {schema}")
            self.may(f"SELECT ON ALL TABLES IN SCHEMA {schema}")

    def may(self, right: str) -> None:
        self.conn.execute(text(f"GRANT {right} TO {self.name}"))

    def may_keep_the_ledger(self) -> None:
        self.may("ALL ON ALL TABLES IN SCHEMA session_worker")
        self.may("EXECUTE ON ALL FUNCTIONS IN SCHEMA session_worker")

    def run(self, *words: object) -> Result:
        command, *arguments = words
        return self.commands.run(command, *map(str, arguments))  # type: ignore[arg-type]

    def connect(self) -> Connection:
        return connect(self.url.render_as_string(hide_password=False))

    def leaves(self) -> None:
        self.conn.rollback()
        for statement in ("DROP OWNED BY", "DROP ROLE"):
            self.conn.execute(text(f"{statement} {self.name}"))
        self.conn.commit()


@pytest.fixture
def guest(conn: Connection, database: str) -> Iterator[Guest]:
    guest = Guest(conn, database)
    yield guest
    guest.leaves()


def test_a_user_who_may_not_write_sessions_reads_once_what_to_grant(guest: Guest) -> None:
    ids = [an_anchor(guest.conn) for _ in range(7)]
    guest.may_keep_the_ledger()

    done = guest.run(expand, *AS_OF)

    assert done.exit_code == 1
    assert "Nothing to do" not in done.stdout
    assert done.stderr == (
        f"Error: 7 series ({', '.join(map(str, ids[:5]))} and 2 more): permission denied for table"
        f" tutor_sessions: GRANT {ROWS} TO {guest.name};"
        f" GRANT USAGE ON SEQUENCE tutor_sessions_id_seq TO {guest.name}.\n"
    )


def test_what_it_says_to_grant_is_enough(guest: Guest) -> None:
    an_anchor(guest.conn)
    guest.conn.commit()
    with guest.connect() as conn:
        statements = grants(missing_rights(conn)).split("; ")
    for statement in statements:
        guest.conn.execute(text(statement))

    assert guest.run(expand, *AS_OF).exit_code == 0
    assert guest.run(backfill, "2026-12-01", "2026-12-31", "--inline").exit_code == 0


def test_a_series_that_fails_for_another_reason_does_not_ask_for_a_grant(guest: Guest) -> None:
    bad = an_anchor(guest.conn, topic="bad")
    guest.conn.execute(text(
        "ALTER TABLE tutor_sessions ADD CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')"
    ))  # fmt: skip

    done = guest.owner.run(expand, *AS_OF)

    assert done.stderr.startswith(f"Error: series {bad}: new row for relation")
    assert "GRANT" not in done.stderr


def test_a_backfill_that_may_not_write_sessions_says_what_to_grant(guest: Guest) -> None:
    an_anchor(guest.conn, session_date=date(2026, 9, 1))
    guest.may_keep_the_ledger()

    done = guest.run(backfill, "2026-09-01", "2026-09-30", "--inline")

    assert done.exit_code == 1
    assert f"GRANT {ROWS} TO {guest.name}" in done.stderr.splitlines()[-1]


def test_a_workers_expansion_says_in_its_log_what_failed(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_anchor(guest.conn)
    guest.may_keep_the_ledger()
    guest.conn.commit()
    engine, said = engine_on(guest.url.render_as_string(hide_password=False)), list[str]()
    monkeypatch.setattr(planning, "worker_engine", lambda: engine)
    monkeypatch.setattr(planning, "worker_settings", lambda: load_settings(_env_file=None))
    monkeypatch.setattr(planning, "log_once", lambda *lines: said.extend(lines))

    planning.expand()

    assert [f"GRANT {ROWS}" in line for line in said] == [True]


def test_the_doctor_knows_before_anything_fails(guest: Guest) -> None:
    guest.may_keep_the_ledger()
    guest.conn.commit()

    assert rights_missing(guest.conn) == []
    with guest.connect() as conn:
        [cure] = rights_missing(conn)
    assert f"GRANT {ROWS} TO {guest.name}" in cure


def rights_missing(conn: Connection) -> list[str]:
    found = examine_database(conn, load_settings(_env_file=None), datetime.now(UTC))
    return [each.cure for each in found if each.code == "rights_missing"]


def test_what_only_reads_needs_no_more_than_to_read(guest: Guest) -> None:
    anchor = an_anchor(guest.conn, notification_enabled=True)

    assert guest.run(preview, anchor, *AS_OF).exit_code == 0
    assert guest.run(preview_message, anchor, *AS_OF).exit_code == 0
    guest.owner.run(expand, *AS_OF)
    assert guest.run(audit, *AS_OF).exit_code == 0
    assert guest.run(preview, anchor, *AS_OF).exit_code == 0


def test_a_user_who_may_make_no_temporary_table_gets_a_line(guest: Guest) -> None:
    anchor = an_anchor(guest.conn)
    database = guest.url.database
    guest.conn.execute(text(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC'))

    done = guest.run(preview, anchor, *AS_OF)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "GRANT TEMPORARY ON its DATABASE" in done.stderr
    assert done.stderr.count("\n") == 1


LITERAL = re.compile(r'"""(.*?)"""|"([^"\n]*)"', re.DOTALL)
VERB = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+session_worker\.(\w+)")
READS = re.compile(r"\b(?:FROM|JOIN|USING)\s+session_worker\.(\w+)\b(?!\()")
UPSERT = re.compile(
    r"INSERT INTO\s+session_worker\.(\w+)(?:(?!INSERT INTO).)*?"
    r"(?:ON CONFLICT \([^)]*\) DO UPDATE|\{change\})",
    re.DOTALL,
)


def test_the_rights_are_those_that_the_statements_of_the_code_need() -> None:
    """No more and no less, table by table, as the sources are written."""
    needed = defaultdict[str, set[str]](set)
    for source in (*REPOSITORY.glob("scheduler/**/*.py"), *REPOSITORY.glob("tasks/**/*.py"),
                   *REPOSITORY.glob("models/*.py")):  # fmt: skip
        for found in LITERAL.finditer(source.read_text()):
            sql = found.group(1) or found.group(2) or ""
            for verb, table in VERB.findall(sql):
                needed[table].add(verb.split()[0])
            for table in READS.findall(sql):
                needed[table].add("SELECT")
            for table in UPSERT.findall(sql):
                needed[table].add("UPDATE")
    of_setup = {"installation": {"INSERT"}}
    assert {table: rights - of_setup.get(table, set()) for table, rights in needed.items()} == {
        table: {*rights} for table, rights in ON_THE_LEDGER.items()
    }


@pytest.fixture
def role(conn: Connection) -> Iterator[str]:
    """The name of a role that is not there; whatever came to be goes with the test."""
    name = f"worker {secrets.token_hex(6)}"
    yield name
    conn.rollback()
    if conn.scalar(text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :name)"),
                   {"name": name}):  # fmt: skip
        for statement in ("DROP OWNED BY", "DROP ROLE"):
            conn.execute(text(f'{statement} "{name}"'))
        conn.commit()


def test_setup_makes_a_role_for_the_worker_that_may_do_all_it_needs(
    conn: Connection, database: str, role: str
) -> None:
    owner = Commands(conn, database)
    anchor = an_anchor(conn, notification_enabled=True, alarm_enabled=True)

    done = owner.run("setup", "--role", role)

    assert done.exit_code == 0
    assert f'CREATE ROLE "{role}" LOGIN;' in done.stdout.splitlines()
    assert "-- GRANT SELECT, UPDATE (read_at) ON session_worker.inbox TO site" in done.stdout
    conn.execute(text(f"""ALTER ROLE "{role}" PASSWORD 'guest'"""))
    url = make_url(database).set(username=role, password="guest")
    worker = Commands(conn, url.render_as_string(hide_password=False))
    for command in (["expand"], ["remind"], ["audit"], ["backfill", "2026-09-01", "2026-09-30",
                    "--inline"], ["series"], ["series", "end", str(anchor), "--cancel-future"],
                    ["series", "reopen", str(anchor)], ["deliveries"], ["deliveries", "pause"],
                    ["deliveries", "pause"], ["deliveries", "resume"], ["export", "student:1"],
                    ["preview", str(anchor)], ["explain", str(anchor)]):  # fmt: skip
        name, *words = command
        result = worker.run(name, *words, OUTBOX="log")
        assert "permission denied" not in result.stderr, command
    again = owner.document("setup", "--role", role)
    assert again["role"] == {"name": role, "statements": [], "excess": [], "refusal": None}


def test_what_a_role_has_beyond_its_needs_is_noted(
    conn: Connection, database: str, role: str
) -> None:
    owner = Commands(conn, database)
    owner.run("setup", "--role", role)
    conn.execute(text(f'GRANT DELETE, TRUNCATE ON tutor_sessions TO "{role}"'))
    conn.execute(text(f'ALTER ROLE "{role}" CREATEDB'))

    document = owner.document("setup", "--role", role)

    assert document["role"]["excess"] == [
        "may create databases",
        "may DELETE, TRUNCATE on tutor_sessions",
    ]


def test_a_user_who_may_not_grant_gets_the_statements_to_pass_on(guest: Guest, role: str) -> None:
    guest.may_keep_the_ledger()
    an_anchor(guest.conn)

    done = guest.run("setup", "--role", role)

    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert f"the role {role} could not be given its rights: permission denied" in done.stderr
    printed = [line for line in done.stdout.splitlines() if line.endswith(";")]
    for statement in printed:
        guest.conn.execute(text(statement))
    assert missing_rights(guest.conn, role) == ()

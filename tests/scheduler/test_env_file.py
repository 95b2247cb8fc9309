"""scheduler/env_file.py: each line of a `.env` is read as documented, or refused with one line.

The readings expected here are those of the page docs/settings.md, written out by hand.
"""

import os
from pathlib import Path

import pytest

from scheduler.settings import InvalidSetting, load_settings
from tests.command_line import celery


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OUTBOX", "LANGUAGE", "SITE_TIMEZONE", "CHANNEL_EMAIL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def read(folder: Path, text: str | bytes) -> dict[str, object]:
    path = folder / ".env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(_env_file=path).model_dump()


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(InvalidSetting) as caught:
        read(folder, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "setting", "value"),
    [
        ("OUTBOX=log", "outbox", "log"),
        ("  OUTBOX = log  ", "outbox", "log"),
        ("export OUTBOX=log", "outbox", "log"),
        ("outbox=log", "outbox", "log"),
        ("OUTBOX=log # staging", "outbox", "log"),
        ("OUTBOX='log'", "outbox", "log"),
        ('OUTBOX="log" # staging', "outbox", "log"),
        ("# a comment\r\nOUTBOX=log\r\n", "outbox", "log"),
        ("\ufeffOUTBOX=log", "outbox", "log"),
        ("DATABASE_URL=postgresql://u:a#b@h/n", "database_url", "postgresql://u:a#b@h/n"),
        ("DATABASE_URL=postgresql://u:a$b@h/n", "database_url", "postgresql://u:a$b@h/n"),
        ("DATABASE_URL='postgresql://u:${b}@h/n'", "database_url", "postgresql://u:${b}@h/n"),
        ("P=x\nDATABASE_URL=postgresql://u:${P}@h/n", "database_url", "postgresql://u:x@h/n"),
        ('P=x\nDATABASE_URL="postgresql://${P}@h/n"', "database_url", "postgresql://x@h/n"),
        ("DATABASE_URL=postgresql://${P:-y}@h/n", "database_url", "postgresql://y@h/n"),
        ("P='${Q}'\nDATABASE_URL=postgresql://${P}/n", "database_url", "postgresql://${Q}/n"),
        ('KEY="-----BEGIN\nabc=\n-----END"\nOUTBOX=log', "outbox", "log"),
        ("OUTBOX=log\nOUTBOX=log", "outbox", "log"),
    ],
)
def test_a_line_is_read_as_the_page_says(
    tmp_path: Path, line: str, setting: str, value: str
) -> None:
    assert read(tmp_path, line)[setting] == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("OUTBOX: log", 1),
        ("SITE=x\n\nset OUTBOX=log", 3),
        ('SITE=x\nOUTBOX="log', 2),
        ("OUTBOX='log", 1),
        ("OUTBOX", 1),
        ("OUTBOX:log", 1),
        ('OUTBOX="log"ger', 1),
        ("// OUTBOX=log", 1),
        ("this is no setting", 1),
        ('OTHER="abc\nOUTBOX=log', 1),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(
    tmp_path: Path, text: str, line: int
) -> None:
    assert refusal(tmp_path, text).startswith(f".env, line {line}: ")


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_quote_left_open_does_not_swallow_a_setting(tmp_path: Path, quote: str) -> None:
    text = f"OTHER={quote}abc\n export OUTBOX=log\nMORE={quote}\n"

    assert refusal(tmp_path, text) == (
        ".env, line 1: its quote is still open at OUTBOX, in line 2: close it."
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OUT_BOX", "OUTBOX"),
        ("OUT-BOX", "OUTBOX"),
        ("OUTBOX:", "OUTBOX"),
        ('"OUTBOX"', "OUTBOX"),
        ("OUTBX", "OUTBOX"),
        ("OUTOBX", "OUTBOX"),
        ("OUTBOXX", "OUTBOX"),
        ("\u041eUTBOX", "OUTBOX"),
        ("CHANEL_EMIAL", "CHANNEL_EMAIL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("SiteTimeZone", "SITE_TIMEZONE"),
        ("REMINDER_LEAD", "REMINDER_LEADS"),
    ],
)
def test_a_name_that_is_nearly_a_settings_is_refused(tmp_path: Path, name: str, meant: str) -> None:
    words = refusal(tmp_path, f"SITE=x\n{name}=log")

    assert words.startswith(".env, line 2: ")
    assert words.endswith(f"is no setting, {meant} is: correct the name.")


@pytest.mark.parametrize("name", ["PORT", "MAILBOX_URL", "REDIS_HOST", "TEST_DATABASE_URL", "BOX"])
def test_variables_of_other_programs_are_ignored(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"{name}=x\nOUTBOX=log")["outbox"] == "log"


def test_a_neighbours_variable_may_stand_beside_the_setting(tmp_path: Path) -> None:
    text = "DATABASE_URL=postgresql://h/n\nDATABASE_URI=other://h/n"

    assert read(tmp_path, text)["database_url"] == "postgresql://h/n"


@pytest.mark.parametrize("twin", ["outbox=live", "OUTBOX=live", "Outbox=log"])
def test_a_setting_that_is_said_twice_is_refused(tmp_path: Path, twin: str) -> None:
    assert refusal(tmp_path, f"OUTBOX=log\nSITE=x\n{twin}") == (
        ".env, line 3: OUTBOX is set in line 1 too: keep one of them."
    )


def test_a_variable_that_nothing_sets_is_refused_within_a_setting(tmp_path: Path) -> None:
    words = refusal(tmp_path, "CHANNEL_EMAIL=mailtos://u:${PASSWORT}@host?to={email}")

    assert words == (
        ".env, line 1: CHANNEL_EMAIL names ${PASSWORT}, which nothing sets: set it, or write the"
        " value in single quotes."
    )


def test_no_refusal_shows_what_the_line_holds(tmp_path: Path) -> None:
    for text in ("CHANNEL_EMAIL: mailtos://u:geheim@h", 'TOKEN="geheim', "geheim", "geheim x=y"):
        assert "geheim" not in refusal(tmp_path, text)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    assert "save it as UTF-8 text" in refusal(tmp_path, "OUTBOX=log".encode("utf-16"))
    assert "line 1" in refusal(tmp_path, "OUTBOX=log".encode("utf-16-be"))


def test_a_folder_named_env_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    with pytest.raises(InvalidSetting, match="folder"):
        load_settings(_env_file=tmp_path / ".env")


@pytest.mark.parametrize("name", ["OUT_BOX", "OUTBX"])
def test_the_environment_is_checked_like_the_file(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "log")

    with pytest.raises(InvalidSetting, match=rf"^{name} is no setting, OUTBOX is: "):
        load_settings(_env_file=None)


def test_case_twins_in_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX", "log")
    monkeypatch.setenv("outbox", "live")

    with pytest.raises(InvalidSetting, match=r"^OUTBOX and outbox are both set: unset one"):
        load_settings(_env_file=None)


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX", "log")

    assert read(tmp_path, "OUTBOX=live")["outbox"] == "log"


@pytest.mark.parametrize("language", ["en_US:en", "de_DE:de", "am_ET", "en_GB.UTF-8"])
def test_the_languages_of_the_terminal_are_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """LANGUAGE is gettext's too, and set on many desktops: a list of locales."""
    monkeypatch.setenv("LANGUAGE", language)

    assert read(tmp_path, "")["language"] == "en"
    assert read(tmp_path, "LANGUAGE=am")["language"] == "am"


@pytest.mark.parametrize("command", ["worker", "beat", "doctor"])
def test_nothing_starts_on_a_line_that_cannot_be_read(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("OUTBOX: log\n")

    done = celery(command, folder=tmp_path, PYTHONPATH=os.fspath(Path(__file__).parents[2]))

    assert done.returncode == 2
    assert done.stderr.strip() == (
        "Error: .env, line 1: OUTBOX cannot be read here: write OUTBOX=value."
    )

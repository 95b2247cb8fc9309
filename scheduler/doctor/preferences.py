"""Check for unreadable values in session_worker.preference, which the site writes."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, warning
from scheduler.languages import LANGUAGES, language_of
from scheduler.message import Kind
from scheduler.settings import ChannelName
from scheduler.words import many

NAMED = 5

# About 600 names. PostgreSQL alone would also accept abbreviations and offsets as zones.
ZONES = text("SELECT name FROM session_worker.zone")

# A row or a few for each person with preferences.
PREFERENCES = text("SELECT * FROM session_worker.preference ORDER BY person_id, kind")


def check_preferences(patient: Patient) -> Iterator[Finding]:
    """Values of preferences that cannot be read, for which the settings are used."""
    zones = set(patient.conn.scalars(ZONES))
    wrong = [
        f"person {row.person_id}, kind {row.kind}: {problem}"
        for row in patient.conn.execute(PREFERENCES)
        for problem in problems(row._asdict(), zones)
    ]
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        yield warning(
            "preferences",
            f"{many(len(wrong), 'value')} that cannot be read, so the settings are used:"
            f" {'; '.join(wrong[:NAMED])}{more}",
            "correct the rows of session_worker.preference",
        )


def problems(row: Mapping[str, Any], zones: set[str]) -> Iterator[str]:
    """One text for each unreadable value of a row; long values are shortened."""
    if row["kind"] not in {"*", *Kind}:
        yield "an unknown kind"
    if row["language"] is not None and language_of(row["language"]) is None:
        yield f"language {short(row['language'])} is not {' or '.join(LANGUAGES)}"
    if row["zone"] is not None and row["zone"] not in zones:
        yield f"{short(row['zone'])} is no zone"
    yield from channel_problems(row)
    if (row["quiet_from"] is None) != (row["quiet_until"] is None):
        yield "quiet hours need both quiet_from and quiet_until"


def channel_problems(row: Mapping[str, Any]) -> Iterator[str]:
    known = {channel.value for channel in ChannelName}
    for name in row["channels"] or ():
        if str(name).strip().lower() not in known:
            yield f"{short(name)} is no channel"
    addresses = row["addresses"]
    if addresses is not None and not isinstance(addresses, dict):
        yield "addresses is no JSON object of channels and addresses"
    elif addresses and set(addresses) - known:
        yield f"addresses for {short(min(set(addresses) - known))}, which is no channel"


def short(value: object) -> str:
    text_of = " ".join(repr(value).split())
    return text_of if len(text_of) <= 40 else f"{text_of[:39]}…"

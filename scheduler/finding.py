"""A finding of the doctor, with its severity and its cure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severity of a finding; only an error makes `doctor` end with exit code 1."""

    ERROR = "error"  # people do not get their messages, or series no rows
    WARNING = "warning"  # needs attention
    NOTE = "note"  # for information


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with an installation. `cure`: what to do, as a sentence or a command."""

    code: str
    severity: Severity
    detail: str
    cure: str


def error(code: str, detail: str, cure: str) -> Finding:
    """A finding of severity error."""
    return Finding(code, Severity.ERROR, detail, cure)


def warning(code: str, detail: str, cure: str) -> Finding:
    """A finding of severity warning."""
    return Finding(code, Severity.WARNING, detail, cure)


def note(code: str, detail: str, cure: str) -> Finding:
    """A finding of severity note."""
    return Finding(code, Severity.NOTE, detail, cure)

"""A finding of the doctor, with its severity and its cure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # people do not get what they should
    WARNING = "warning"  # somebody should look at it
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """`cure`: what to do, as a sentence or a command."""

    code: str
    severity: Severity
    detail: str
    cure: str


def error(code: str, detail: str, cure: str) -> Finding:
    return Finding(code, Severity.ERROR, detail, cure)


def warning(code: str, detail: str, cure: str) -> Finding:
    return Finding(code, Severity.WARNING, detail, cure)


def note(code: str, detail: str, cure: str) -> Finding:
    return Finding(code, Severity.NOTE, detail, cure)

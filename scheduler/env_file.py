"""Texts of the settings in the environment and `.env`, by name, or one line about an error in them.

A line that would be ignored silently, such as `OUTBOX: log`, which would then send to everybody, is
an error. docs/settings.md describes how a line is read.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

# `${NAME}` and `${NAME:-default}`; a single `$` means itself.
VARIABLE = re.compile(r"\$\{(?P<name>[^}:]+)(?::-(?P<default>[^}]*))?\}")
ASSIGNED = re.compile(r"\s*(?:export\s+)?(?P<name>[^\s=]+)\s*=")
FIRST_WORD = re.compile(r"\s*(?:(?:export|set)\s+)?(?P<word>\w+)")
# LANGUAGE on many desktops is gettext's list of locales, and no setting of the worker's.
LOCALES = re.compile(r"\w+[_:.].*")
SHORTEST_MISSPELT = 6  # letters; shorter names are too close to other programs' (INBOX, ADMIN)
LONG = 10  # letters; from this length on a name with two wrong letters counts as misspelt


class UnreadableEnvironment(Exception):
    """An error in the environment or `.env`. The message is one line and shows no values."""


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment of a `.env`. `literal`: in single quotes, so that `${}` is not replaced."""

    number: int
    name: str
    text: str
    literal: bool


def read_environment(environ: Mapping[str, str], settings: Collection[str]) -> dict[str, str]:
    """The variables of the process. `settings`: the names of the settings, in capitals.

    Raises UnreadableEnvironment for a name that looks like a misspelt setting, and for two names
    that differ only in case.
    """
    found: dict[str, str] = {}
    for name in environ:
        if (meant := name.upper()) in settings and meant in found:
            raise UnreadableEnvironment(f"{found[meant]} and {name} are both set: unset one.")
        found[meant] = name
    for name in environ:
        if near := misspelt(name, settings, found):
            raise UnreadableEnvironment(f"{name} is no setting, {near} is: correct the name.")
    return {name: text for name, text in environ.items() if not is_locales(name, text)}


def is_locales(name: str, text: str) -> bool:
    return name == "LANGUAGE" and LOCALES.fullmatch(text) is not None


def read_env_file(
    path: Path, environ: Mapping[str, str], settings: Collection[str]
) -> dict[str, str]:
    """The assignments of a `.env`; empty without the file. `environ`: further values for `${NAME}`.

    Raises UnreadableEnvironment, OSError, UnicodeDecodeError.
    """
    if path.is_dir():
        raise UnreadableEnvironment(f"{path.name} is a folder: it has to be a file.")
    if not path.exists():
        return {}
    lines = [*assignments(path.read_text(encoding="utf-8-sig"), settings)]
    refuse_misspelt(lines, settings)
    refuse_twins(lines, settings)
    return resolved(lines, environ, settings)


def assignments(text: str, settings: Collection[str]) -> Iterator[Line]:
    for binding in parse_stream(StringIO(text)):
        original = binding.original.string
        blank = original[: len(original) - len(original.lstrip())]
        number = binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))
        if binding.error or (binding.key is not None and binding.value is None):
            raise UnreadableEnvironment(f".env, line {number}: {unreadable(original, settings)}")
        if binding.key is not None and binding.value is not None:
            refuse_swallowed(binding, number, settings)
            _, _, value = original.partition("=")
            yield Line(number, binding.key, binding.value, value.lstrip().startswith("'"))


def unreadable(original: str, settings: Collection[str]) -> str:
    """Text about the error in a line. Of the line it shows only the name of a setting."""
    if (found := ASSIGNED.match(original)) and original[found.end() :].lstrip()[:1] in ("'", '"'):
        return "its quote is not closed, or something follows it: close it at the line's end."
    word = FIRST_WORD.match(original)
    if word and word["word"].upper() in settings:
        name = word["word"].upper()
        return f"{name} cannot be read here: write {name}=value."
    return "it cannot be read: write NAME=value, or # before a comment."


def refuse_swallowed(binding: Binding, number: int, settings: Collection[str]) -> None:
    """Raise UnreadableEnvironment where a quoted value of several lines contains a setting."""
    for further, line in enumerate(binding.original.string.strip().splitlines()[1:], 1):
        found = ASSIGNED.match(line)
        if found and (found["name"].upper() in settings or misspelt(found["name"], settings, ())):
            raise UnreadableEnvironment(
                f".env, line {number}: its quote is still open at {found['name']}, in line"
                f" {number + further}: close it."
            )


def refuse_misspelt(lines: Collection[Line], settings: Collection[str]) -> None:
    there = {line.name.upper() for line in lines}
    for line in lines:
        if meant := misspelt(line.name, settings, there):
            raise UnreadableEnvironment(
                f".env, line {line.number}: {line.name} is no setting, {meant} is:"
                " correct the name."
            )


def refuse_twins(lines: Collection[Line], settings: Collection[str]) -> None:
    """Raise UnreadableEnvironment where a setting is given twice with different values."""
    first: dict[str, Line] = {}
    for line in lines:
        name = line.name.upper()
        before = first.setdefault(name, line)
        if name in settings and (before.name, before.text) != (line.name, line.text):
            raise UnreadableEnvironment(
                f".env, line {line.number}: {name} is set in line {before.number} too:"
                " keep one of them."
            )


def resolved(
    lines: Collection[Line], environ: Mapping[str, str], settings: Collection[str]
) -> dict[str, str]:
    """The texts with `${NAME}` replaced from the environment, or else from an earlier line."""
    found: dict[str, str] = {}
    for line in lines:
        found[line.name] = line.text if line.literal else filled(line, found, environ, settings)
    return found


def filled(
    line: Line, above: Mapping[str, str], environ: Mapping[str, str], settings: Collection[str]
) -> str:
    def value(variable: re.Match[str]) -> str:
        text = environ.get(variable["name"], above.get(variable["name"], variable["default"]))
        if text is None and line.name.upper() in settings:
            raise UnreadableEnvironment(
                f".env, line {line.number}: {line.name} names {variable[0]}, which nothing sets:"
                " set it, or write the value in single quotes."
            )
        return text or ""

    return VARIABLE.sub(value, line.text)


def misspelt(name: str, settings: Collection[str], there: Collection[str]) -> str | None:
    """The setting that a name misspells; None where it is a setting, or another program's variable.

    Where the setting itself is among `there`, a similar name counts as another program's.
    """
    if name.upper() in settings:
        return None
    letters = letters_of(name)
    for setting in settings:
        if letters_of(setting) == letters:
            return setting
    if len(letters) + 1 < SHORTEST_MISSPELT:
        return None
    near = (setting for setting in settings if setting not in there and is_near(setting, letters))
    return next(near, None)


# Each load of the settings compares every variable of the environment with every setting, and the
# names are the same each time.
COMPARISONS = 16_384


@lru_cache(COMPARISONS)
def letters_of(name: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name))).upper()


@lru_cache(COMPARISONS)
def is_near(setting: str, letters: str) -> bool:
    wanted = letters_of(setting)
    slips = 2 if len(wanted) >= LONG else 1
    if len(wanted) < SHORTEST_MISSPELT or abs(len(wanted) - len(letters)) > slips:
        return False
    if (Counter(wanted) - Counter(letters)).total() > slips:  # each slip costs one letter at most
        return False
    return distance(wanted, letters) <= slips


def distance(left: str, right: str) -> int:
    """Optimal string alignment distance: letters added, missing, replaced or exchanged."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                best = min(best, two_before[j - 2] + 1)
            row.append(best)
    return row[-1]

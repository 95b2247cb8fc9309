"""Templates of an admin in place of the built-in ones, refused at the start where they are
unusable."""

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from shutil import copytree

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Kind
from scheduler.settings import ChannelName, InvalidSetting, Role
from tasks.messages.clean_message import clean_message
from tasks.messages.english import English
from tasks.messages.moment import Moment
from tasks.messages.page import Entry, page_of
from tasks.messages.render import TONGUES, Words, render
from tasks.messages.template_set import (
    BUILT_IN,
    BuiltIn,
    built_in,
    compile_built_in,
    files,
    missing_templates,
    names,
    whole_kinds,
)
from tests.command_line import REPOSITORY
from tests.tasks.messages.samples import a_lesson, a_message, replacing, words


def put(folder: Path, name: str, source: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def test_a_template_of_the_folder_takes_the_place_of_ours(tmp_path: Path) -> None:
    put(tmp_path, "en/alarm/sms.txt", "{{ entries[0].subject }} {{ when.clock }}!")
    ours = words(templates=str(tmp_path))

    assert render(a_message(), ChannelName.SMS, ours).text == "Mathematics 14:00!"
    assert render(a_message(), ChannelName.PUSH, ours).text.startswith("Fri 27 Nov")


def test_a_part_that_others_include_can_be_replaced(tmp_path: Path) -> None:
    put(tmp_path, "en/_greeting.txt", "Dear {{ name }}!")
    ours = replacing(tmp_path)

    assert render(a_message(), ChannelName.EMAIL, ours).text.startswith("Dear Abebe Kebede!")


def test_a_part_may_be_new(tmp_path: Path) -> None:
    put(tmp_path, "_school.txt", "The school")
    put(tmp_path, "en/alarm/title.txt", '{% include "_school.txt" %}: {{ entries[0].what }}')
    ours = replacing(tmp_path)

    assert render(a_message(), ChannelName.PUSH, ours).title.startswith("The school: Math")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ only.subject", "line 1: unexpected end of template"),
        ("\n{% if only %}", "line 2: Unexpected end of template"),
        ("\n\n{{ only.subjct }}", "line 3: 'tasks.messages.page.Entry object' has no attribute"),
        ("{{ subjct }}", "line 1: 'subjct' is undefined"),
        ("{{ 1 / 0 }}", "line 1: division by zero"),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
        ("{{ entries.__class__ }}", "is unsafe"),
        ("{% for n in range(10000000) %}{% endfor %}", "Range too big"),
        ('{% include "_nowhere.txt" %}', "_nowhere.txt"),
    ],
)
def test_an_error_is_one_line_at_the_start(tmp_path: Path, source: str, complaint: str) -> None:
    put(tmp_path, "am/notice/title.txt", source)

    with pytest.raises(InvalidSetting) as refused:
        words(templates=str(tmp_path))

    line = str(refused.value)
    assert line.startswith(f"TEMPLATES: {tmp_path}")
    assert complaint in line
    assert "\n" not in line


def test_an_error_that_shows_only_with_missing_values_is_found(tmp_path: Path) -> None:
    put(tmp_path, "en/alarm/title.txt", "{{ only.subject }}")  # only is None for several

    with pytest.raises(InvalidSetting, match="has no attribute 'subject'"):
        words(templates=str(tmp_path))


@pytest.mark.parametrize(
    "source", ['{% include "en/alarm/title.txt" %}', "{{ entries[0].subject|safe }}"]
)
def test_html_that_does_not_escape_is_refused(tmp_path: Path, source: str) -> None:
    put(tmp_path, "en/alarm/email.html", source)

    with pytest.raises(InvalidSetting, match="without escaping"):
        words(templates=str(tmp_path))


def test_a_file_name_that_replaces_no_template_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "en/alram/sms.txt", "x")

    with pytest.raises(InvalidSetting, match="replaces nothing"):
        words(templates=str(tmp_path))


def test_files_that_are_no_templates_are_ignored(tmp_path: Path) -> None:
    for name in (".git/description.txt", "README.md", ".hidden.txt"):
        put(tmp_path, name, "{{ not ours }}")
    replacing(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="is no folder"):
        words(templates=str(tmp_path / "nowhere"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "en/alarm/sms.txt", "")
    (tmp_path / "en/alarm/sms.txt").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidSetting, match="TEMPLATES"):
        words(templates=str(tmp_path))


def test_a_message_is_not_lost_to_an_error_that_no_rehearsal_met(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(
        tmp_path,
        "en/alarm/sms.txt",
        '{{ 1 / 0 if only and only.subject == "Chemistry" else "fine" }}',
    )
    ours = replacing(tmp_path)

    text = render(a_message(a_lesson(subject="Chemistry")), ChannelName.SMS, ours).text

    assert text.startswith("Chemistry (Quadratic equations) with Hana Alemu begins in 12 minutes")
    assert "the built-in one is used" in caplog.text


def test_a_language_without_templates_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="LANGUAGE: 'fr'"):
        words(language="fr")


@pytest.mark.parametrize(
    ("wished", "title"),
    [
        ("am-ET", "የ"),
        ("AM", "የ"),
        ("am_ET", "የ"),
        ("en-GB", "M"),
        ("fr", "M"),
        ("", "M"),
        ("Afaan Oromo", "D"),
        ("om_ET", "D"),
        ("or", "D"),
        ("Tigrigna", "ናይ"),
        ("tir", "ናይ"),
    ],
)
def test_the_spellings_of_a_preferred_language_are_read(wished: str, title: str) -> None:
    letter = render(a_message(language=wished), ChannelName.PUSH, words(language="en"))

    assert letter.title.startswith(title)


# Who adds a kind without these words writes its templates here: its messages are in English then.
MISSING: dict[str, tuple[str, ...]] = {"en": (), "am": (), "om": (), "ti": ()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_listed_templates_are_missing(language: str) -> None:
    assert missing_templates(language) == MISSING[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_no_template_that_english_has_not(language: str) -> None:
    assert set(files(BUILT_IN / language)) <= set(files(BUILT_IN / "en"))


def test_there_is_a_folder_and_a_class_of_phrases_for_each_language() -> None:
    folders = {path.name for path in BUILT_IN.iterdir() if path.is_dir()}

    assert folders == set(LANGUAGES) == set(TONGUES)


def test_each_kind_of_message_has_templates() -> None:
    assert {kind for language, kind in whole_kinds() if language == "en"} == set(Kind)


def incomplete(folder: Path, *names: str) -> Words:
    """Words where these templates are missing."""
    copytree(BUILT_IN, folder / "templates")
    for name in names:
        (folder / "templates" / name).unlink()
    return replace(words(), language="am", whole=whole_kinds(folder / "templates"))


@pytest.mark.parametrize(
    ("missing", "languages"),
    [
        ((), ["om", "om"]),
        (["om/alarm/sms.txt"], ["am", "om"]),
        (["om/alarm/sms.txt", "am/alarm/title.txt"], ["en", "om"]),
        (["om/_greeting.txt"], ["am", "am"]),  # any message may include it
    ],
)
def test_a_message_that_a_language_has_not_whole_is_in_another_as_a_whole(
    tmp_path: Path, missing: Sequence[str], languages: Sequence[str]
) -> None:
    ours = incomplete(tmp_path, *missing)
    letters = [
        render(a_message(language="om", kind=kind), ChannelName.EMAIL, ours)
        for kind in (Kind.ALARM, Kind.REMINDER)
    ]

    for letter, language in zip(letters, languages, strict=True):
        assert f'<html lang="{language}">' in (letter.html or "")
        whole = f"{letter.title} {letter.text}"
        words_seen = {code for code, word in MARKS.items() if word in whole}
        assert words_seen == {language}


MARKS = {"en": "begins", "am": "ይጀምራል", "om": "jalqaba", "ti": "ይጅምር"}


def test_roles_are_words_in_templates(tmp_path: Path) -> None:
    put(tmp_path, "en/alarm/title.txt", "{{ role }} {{ kind }} {{ language }}")
    letter = render(a_message(role=Role.PARENT), ChannelName.PUSH, replacing(tmp_path))

    assert letter.title == "parent alarm en"


def test_all_that_a_template_knows_is_written_down() -> None:
    page = page_of(clean_message(a_message()), English())
    names = {*page.context, "headline"} | known(Entry) | known(Moment)
    told = set(re.findall(r"`(\w+)`", (REPOSITORY / "docs/templates.md").read_text()))

    # The names left out are used inside phrases, not by templates.
    inner = {
        "starts_at", "ends_at", "now", "wait", "length", "tongue", "is_counted", "is_far",
        "days_away",
    }  # fmt: skip
    assert names - inner <= told


def known(kind: type) -> set[str]:
    properties = {name for name, value in vars(kind).items() if isinstance(value, property)}
    return properties | {field.name for field in fields(kind)}


def test_a_built_in_template_is_compiled_once_it_is_asked_for() -> None:
    ours = BuiltIn()
    assert compiled_by(ours) == set()

    ours["en/alarm/sms.txt"]

    assert compiled_by(ours) == {"en/alarm/sms.txt"}
    assert [*ours] == [*names()]
    with pytest.raises(KeyError):
        ours["en/_sms_begins.txt"]


def test_all_built_in_templates_can_be_compiled_at_once() -> None:
    compile_built_in()

    ours = built_in()
    assert isinstance(ours, BuiltIn)
    assert compiled_by(ours) >= {*names()}


def compiled_by(ours: BuiltIn) -> set[str]:
    cache = ours._environment.cache
    return {name for _, name in cache} if cache is not None else set()

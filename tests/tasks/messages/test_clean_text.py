"""Texts that people typed, as one visible line."""

import pytest

from tasks.messages.clean_text import clean, clean_link, clean_name, cut, href, title_line


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        (None, ""),
        ("  Mathematics ", "Mathematics"),
        ("Maths\r\nBcc: all@evil.example", "Maths Bcc: all@evil.example"),
        ("Maths\x00\x1b[31m\x85red", "Maths [31m red"),
        ("a\u2028b\u2029c\u00a0d", "a b c d"),
        ("ex\u202eelgnatcer", "exelgnatcer"),  # an override of the direction
        ("a\u2066b\u2069c\u200ed\u061ce", "abcde"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("Café", "Café"),  # e and a combining acute: one letter
        ("e" + "\u0301\u0302" * 9, "é\u0302\u0301\u0302"),  # no towers of marks
        ("👩\u200d🔬 lab", "👩\u200d🔬 lab"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("{{ 7*7 }} {% raw %}", "{{ 7*7 }} {% raw %}"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # HTML escapes it
        ("ሒሳብ፦ ክፍል 9", "ሒሳብ፦ ክፍል 9"),
    ],
)
def test_a_text_is_one_visible_line(typed: str | None, cleaned: str) -> None:
    assert clean(typed, 80) == cleaned


def test_what_runs_from_right_to_left_cannot_reorder_its_neighbours() -> None:
    assert clean("שלום 14:00", 80) == "\u2068שלום 14:00\u2069"


def test_a_text_of_excessive_length_is_cut() -> None:
    assert clean("novel " * 2000, 20) == "novel novel novel n…"
    assert clean("א" * 10_000, 20) == f"\u2068{'א' * 19}…\u2069"


def test_a_cut_splits_no_letter_from_its_marks() -> None:
    family = "👩\u200d👩\u200d👧"
    assert cut(f"abc {family} def", 8) == "abc…"
    assert cut("abcde\u0301fgh", 6) == "abcd…"


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("Dr. Abebe", "Dr. Abebe"),
        ("Dr.Abebe", "Dr. Abebe"),
        ("http://evil.example/login", "evil. example/login"),
        ("see www.evil.example now", "see www. evil. example now"),
        ("HTTPS://a.b", "a. b"),
        ("a@evil.example", "a@evil. example"),
        ("O'Neil", "O'Neil"),
    ],
)
def test_a_name_is_no_link_in_any_program(typed: str, cleaned: str) -> None:
    assert clean_name(typed) == cleaned


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("https://meet.example.com/abc?pwd=x&y=1", "https://meet.example.com/abc?pwd=x&y=1"),
        ("HTTP://meet.example.com", "HTTP://meet.example.com"),
        ("meet.example.com/abc", "https://meet.example.com/abc"),
        ("zoom.us", "https://zoom.us"),
        (" https://meet.example.com/abc \n", "https://meet.example.com/abc"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("javascript://a.example/%0aalert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,<b>", ""),
        ("vbscript:x", ""),
        ("https:meet", ""),
        ("https://", ""),
        ("https://[", ""),
        ('https://a.example/"onmouseover="x', ""),
        ("https://a.example/\u202egpj.exe", "https://a.example/gpj.exe"),  # as it is seen
        ("Zoom 123 456, code 9", ""),
        ("", ""),
    ],
)
def test_only_http_and_https_may_be_followed(typed: str, target: str) -> None:
    assert href(clean_link(typed)) == target


def test_a_link_is_whole_or_not_there() -> None:
    long = "https://meet.example.com/" + "x" * 900
    assert clean_link(long) == long
    assert clean_link(long + "x" * 200) == ""


def test_words_in_place_of_a_link_stay_words() -> None:
    assert clean_link("Zoom 123 456\r\ncode 9") == "Zoom 123 456 code 9"


def test_a_title_is_one_line_that_decodes_to_itself() -> None:
    assert title_line("a\r\nb =?utf-8?q?=0D=0ABcc:x?=") == "a b = ?utf-8?q?=0D=0ABcc:x?="
    assert len(title_line("x" * 500)) == 120

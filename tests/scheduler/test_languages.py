"""Spellings of languages in preferences and settings."""

import pytest
from babel import Locale

from scheduler.languages import CODES, LANGUAGES, language_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("om", "om"),
        ("OM", "om"),
        ("or", "om"),  # as the site writes it
        ("orm", "om"),
        ("om-ET", "om"),
        ("om_ET", "om"),
        ("oromo", "om"),
        ("Afaan Oromo", "om"),
        (" afaan  oromoo ", "om"),
        ("Afaan-Oromoo", "om"),
        ("Oromiffa", "om"),
        ("ti", "ti"),
        ("tir", "ti"),
        ("ti-Ethi-ET", "ti"),
        ("Tigrinya", "ti"),
        ("tigrigna", "ti"),
        ("ትግርኛ", "ti"),
        ("amh", "am"),
        ("Amharic", "am"),
        ("አማርኛ", "am"),
        ("en-GB", "en"),
        ("English", "en"),
    ],
)
def test_the_usual_spellings_are_read(text: str, code: str) -> None:
    assert language_of(text) == code


@pytest.mark.parametrize(
    "text", ["", " ", "-", "fr", "so", "tig", "omelette", "am I", "english please", "om" * 30]
)
def test_another_word_is_no_language(text: str) -> None:
    assert language_of(text) is None


def test_no_spelling_is_of_two_languages() -> None:
    spellings = [word for each in LANGUAGES.values() for word in (each.code, *each.spellings)]

    assert len(spellings) == len(CODES)
    assert all(word == word.casefold() for word in spellings)


@pytest.mark.parametrize("reader", ["en", "am", "om", "ti"])
@pytest.mark.parametrize("code", LANGUAGES)
def test_the_names_of_cldr_are_read(code: str, reader: str) -> None:
    """But Afaan Tigiree, as Oromo has one name for Tigrinya and Tigre."""
    name = Locale(reader).languages[code]
    if (reader, code) != ("om", "ti"):
        assert language_of(name) == code, name

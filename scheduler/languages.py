"""Languages of messages: their codes, and how people and the site write them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """`code`: ISO 639-1, the name of the language's folder of templates. `spellings`: other codes
    and names, in lower case."""

    code: str
    name: str
    spellings: frozenset[str]


# Codes of ISO 639-1, 639-2 and 639-3, and names in English, in the language and in Amharic.
LANGUAGES = {
    language.code: language
    for language in (
        Language("en", "English", frozenset({"eng", "english", "afaan ingilizii", "እንግሊዝኛ"})),
        Language(
            "am",
            "Amharic",
            frozenset({
                "amh", "amharic", "amarigna", "amarinya", "afaan amaaraa", "አማርኛ", "ኣምሓርኛ",
            }),
        ),
        # `or` is Odia's code, but the site writes it for Oromo. `gaz`, `hae` and `orc` are the
        # codes of single varieties.
        Language(
            "om",
            "Afaan Oromo",
            frozenset({
                "orm", "or", "gaz", "hae", "orc", "oromo", "oromoo", "oromic", "oromifa",
                "oromiffa", "oromiffaa", "afaan oromo", "afaan oromoo", "afan oromo",
                "afan oromoo", "ኦሮምኛ", "ኦሮሚኛ", "አፋን ኦሮሞ", "ኦሮሞ",
            }),
        ),
        Language(
            "ti",
            "Tigrinya",
            frozenset({"tir", "tigrinya", "tigrigna", "tigrinia", "tigriña", "ትግርኛ", "ትግሪኛ"}),
        ),
    )
}  # fmt: skip
CODES = {
    spelling: language.code
    for language in LANGUAGES.values()
    for spelling in (language.code, *language.spellings)
}
LONGEST_SPELLING = 40


def language_of(text: str) -> str | None:
    """'Afaan Oromo', 'afaan-oromoo', 'orm', 'om_ET' → 'om'; None: no language of messages."""
    if len(text) > LONGEST_SPELLING:
        return None
    words = text.casefold().replace("_", " ").replace("-", " ").split()
    return CODES.get(" ".join(words)) or (CODES.get(words[0]) if with_region(words) else None)


def with_region(words: list[str]) -> bool:
    """True for the words of a locale such as am-ET, ti-Ethi-ET: a code, then script and region."""
    return len(words) > 1 and len(words[0]) in (2, 3) and len(words[1]) in (2, 3, 4)

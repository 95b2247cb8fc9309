"""Any text in the site's columns adds no markup, template, header or second line."""

from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Kind, Lesson, Message
from scheduler.settings import ChannelName, Role
from tasks.messages.letter import Letter
from tasks.messages.render import Words, render
from tests.tasks.messages.samples import MINUTE, START, a_lesson, a_message, moved

HOSTILE = {
    "line breaks": "Maths\r\nBcc: all@evil.example\r\n\r\nbody",
    "markup": '<script>alert(1)</script><img src=x onerror="alert(1)">',
    "an attribute": '" onmouseover="alert(1)" x="',
    "a template": "{{ 7*7 }}{% for x in (1,2) %}x{% endfor %}{# #}",
    "a format": "{subject} %s %(x)s ${x}",
    "from right to left": "\u202e\u2067\u200fשלום\u202c",
    "a novel": "novel \U0001f4da " * 1500,
    "pictures": "👩\u200d👩\u200d👧 🇪🇹 🎓",
    "braces": "{}[]<>\\^~|€",
    "an encoded word": "=?utf-8?q?=0D=0ABcc=3A_all=40evil.example?=",
    "an address": "http://evil.example/?to=x@evil.example&cc=y",
    "a script": "javascript:alert(1)",
    "controls": "\x00\x07\x1b[2J\x7f\x9b",
    "nothing": " \t\u200b",
}
TAGS = {
    "html", "head", "meta", "style", "body", "main", "h1", "h2", "p", "section", "dl", "dt", "dd",
    "a", "br", "s", "span",
}  # fmt: skip


def lesson_of(text: str) -> Lesson:
    return a_lesson(
        subject=text,
        topic=text,
        mode=text,
        meeting_link=text,
        location=text,
        tutor_name=text,
        student_name=text,
        whiteboard_name=text,
    )


def letters(text: str, words: Words) -> list[tuple[ChannelName, Letter]]:
    """The text in every place of every kind, to everybody, in each language."""
    lesson = lesson_of(text)
    other = lesson_of(text + "x")
    messages = [
        a_message(*lessons, kind=kind, role=role, language=language, name=text)
        for lessons in ((lesson,), (lesson, other))
        for kind in (Kind.ALARM, Kind.REMINDER, Kind.AGENDA)
        for language in LANGUAGES
        for role in (Role if language == "en" else (Role.PARENT,))
    ]
    messages += [notice(lesson, language) for language in LANGUAGES]
    return [
        (channel, render(message, channel, words))
        for message in messages
        for channel in ChannelName
    ]


def notice(lesson: Lesson, language: str) -> Message:
    return a_message(moved(lesson, START - 30 * MINUTE), kind=Kind.NOTICE, language=language)


class Reader(HTMLParser):
    """Tags and links, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.fixture(params=[*HOSTILE.values()], ids=[*HOSTILE], scope="module")
def told(request: pytest.FixtureRequest, words: Words) -> list[tuple[ChannelName, Letter]]:
    return letters(request.param, words)


def test_html_has_our_tags_alone(told: list[tuple[ChannelName, Letter]]) -> None:
    for html in (letter.html for _, letter in told if letter.html is not None):
        found = Reader(html)
        assert found.tags <= TAGS
        assert found.attributes <= {"lang", "charset", "name", "content", "class", "href"}
        assert all(link.startswith(("http://", "https://")) for link in found.links)


def test_titles_are_one_short_line_that_no_mail_program_decodes(
    told: list[tuple[ChannelName, Letter]],
) -> None:
    for _, letter in told:
        assert letter.title == " ".join(letter.title.split())
        assert 0 < len(letter.title) <= 120
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = letter.title
        mail.set_content("x")
        assert {name.lower() for name in mail} <= {
            "subject", "content-type", "content-transfer-encoding", "mime-version",
        }  # fmt: skip
        assert b"\nbcc" not in mail.as_bytes().lower()


def test_no_control_character_and_no_loose_direction_is_left(
    told: list[tuple[ChannelName, Letter]],
) -> None:
    for _, letter in told:
        for text in (letter.title, letter.text, letter.html or ""):
            assert not {"\u202e", "\u2067", "\u200f", "\x00", "\x1b", "\r", "\x9b"} & set(text)
            assert text.count("\u2068") == text.count("\u2069")


def test_nothing_of_the_site_is_run_as_a_template(told: list[tuple[ChannelName, Letter]]) -> None:
    for _, letter in told:
        assert "49" not in letter.title + letter.text


def test_a_text_of_excessive_length_is_cut_in_every_message(words: Words) -> None:
    for channel, letter in letters(HOSTILE["a novel"], words):
        limit = {ChannelName.SMS: 1200}.get(channel, 4000)
        assert len(letter.text) <= limit, channel


def test_all_can_be_sent_as_utf8(told: list[tuple[ChannelName, Letter]]) -> None:
    for _, letter in told:
        (letter.title + letter.text + (letter.html or "")).encode()

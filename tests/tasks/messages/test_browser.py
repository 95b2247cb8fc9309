"""The HTML of every message in a real browser, where one is installed: no script of the site runs,
nothing is wider than the window, and all can be read in light and in dark."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import product

import pytest

from scheduler.languages import LANGUAGES
from scheduler.message import Kind, Message
from scheduler.settings import ChannelName, Role
from tasks.messages.render import Words, render
from tests.tasks.messages.samples import START, a_lesson, a_message, cancelled, moved
from tests.tasks.messages.test_golden import CASES, DAY
from tests.tasks.messages.test_hostile import HOSTILE, lesson_of

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (320, 420, 800)
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text
HOSTILE_TOO = {
    **HOSTILE,
    "scripts": '"><script>top.ran = 1</script><img src=x onerror="top.ran = 1">',
    "one word": "x" * 10_000,
    "one address": "https://meet.example.com/" + "a" * 900,
}

# The appearance of each letter: its excess width, times broken across two lines, and the colours of
# each text and of its background.
LOOK = """
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)|transparent/.test(colour)) return colour;
  }
};
const seen = (frame) => {
  const page = frame.contentDocument, root = page.documentElement, colours = new Set(), torn = [];
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, parent = text.parentElement;
    if (!text.data.trim()) continue;
    colours.add(getComputedStyle(parent).color + '|' + behind(parent));
    for (const time of text.data.matchAll(/\\d\\d:\\d\\d–\\d\\d:\\d\\d/g)) {
      const range = page.createRange();
      range.setStart(text, time.index);
      range.setEnd(text, time.index + time[0].length);
      const lines = new Set([...range.getClientRects()].map((line) => line.top));
      if (lines.size > 1) torn.push(time[0]);
    }
  }
  return {letter: frame.title, width: frame.clientWidth, over: root.scrollWidth - root.clientWidth,
          torn, colours: [...colours], links: [...page.links].map((link) => link.protocol)};
};
addEventListener('load', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const looks = [...document.querySelectorAll('iframe')].map(seen);
  document.body.textContent = JSON.stringify({dark, ran: window.ran || 0, looks});
});
"""


class Scheme(IntEnum):
    """As the browser numbers them."""

    DARK = 0
    LIGHT = 1


@dataclass(frozen=True, slots=True)
class Look:
    """`over`: excess width over the window; `torn`: times broken across two lines; `colours`: of
    each text and of its background."""

    letter: str
    width: int
    over: int
    torn: Sequence[str]
    colours: Sequence[str]
    links: Sequence[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    dark: bool
    ran: int
    looks: Sequence[Look]


@pytest.fixture(scope="module", params=Scheme, ids=lambda scheme: scheme.name.lower())
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return Scheme(request.param)


@pytest.fixture(scope="module")
def seen(scheme: Scheme, words: Words, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """All letters at all widths, each in a frame of one page."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed here: {', '.join(NAMES)}")
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "page.html"
    page.write_text(page_of(words), encoding="utf-8")
    command = (
        found, *OPTIONS, f"--user-data-dir={folder / 'profile'}", "--dump-dom",
        f"--blink-settings=preferredColorScheme={scheme.value}", page.as_uri(),
    )  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    told = re.search(r"<body>(.*)</body>", shown, re.DOTALL)
    assert told, shown[:500]
    report = json.loads(html.unescape(told[1]))
    looks = [Look(**look) for look in report["looks"]]
    return Snapshot(report["dark"], report["ran"], looks)


def page_of(words: Words) -> str:
    frames = (
        f'<iframe title="{name}" width="{width}" height="600" frameborder="0"'
        ' sandbox="allow-scripts allow-same-origin"'  # an alert would wait for somebody
        f' srcdoc="{html.escape(letter)}"></iframe>'
        for name, letter in letters(words)
        for width in WIDTHS
    )
    return (
        '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<script>{LOOK}</script><body>{''.join(frames)}</body>"
    )


def letters(words: Words) -> Iterator[tuple[str, str]]:
    """The name and the HTML of each golden case, and of hostile texts in every place."""
    for language, case in product(LANGUAGES, CASES):
        yield f"{language} {case.__name__}", html_of(case(language), words)
    for name, text in HOSTILE_TOO.items():
        lesson = lesson_of(text)
        yield f"hostile {name}", html_of(a_message(lesson, role=Role.PARENT, name=text), words)
        changed = (moved(lesson, START - DAY), cancelled(lesson), cancelled(a_lesson()))
        notice = a_message(*changed, kind=Kind.NOTICE, role=Role.PARENT, language="am", name=text)
        yield f"hostile notice {name}", html_of(notice, words)


def html_of(message: Message, words: Words) -> str:
    return render(message, ChannelName.EMAIL, words).html or ""


def test_the_browser_shows_every_letter_in_the_scheme(seen: Snapshot, scheme: Scheme) -> None:
    assert seen.dark is (scheme is Scheme.DARK)
    assert {look.width for look in seen.looks} == set(WIDTHS)
    assert len(seen.looks) == len(WIDTHS) * (len(LANGUAGES) * len(CASES) + 2 * len(HOSTILE_TOO))


def test_no_script_of_the_site_runs(seen: Snapshot) -> None:
    assert seen.ran == 0
    assert {link for look in seen.looks for link in look.links} <= {"https:", "http:"}


def test_no_letter_is_wider_than_the_window(seen: Snapshot) -> None:
    assert [look for look in seen.looks if look.over > 0] == []


def test_all_can_be_read_on_what_is_behind_it(seen: Snapshot) -> None:
    pairs = {colours for look in seen.looks for colours in look.colours}

    assert {pair: contrast(pair) for pair in pairs if contrast(pair) < READABLE} == {}
    assert len(pairs) >= len({"text", "label", "button", "warning"})


def test_an_english_time_is_not_torn_between_two_lines(seen: Snapshot) -> None:
    assert [look for look in seen.looks if look.letter.startswith("en ") and look.torn] == []


def contrast(pair: str) -> float:
    """Of 'rgb(29, 29, 27)|rgb(255, 255, 255)' (WCAG 2.2, contrast ratio)."""
    one, other = (luminance(colour) + 0.05 for colour in pair.split("|"))
    return max(one, other) / min(one, other)


def luminance(colour: str) -> float:
    parts = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_as_the_standard_counts_it() -> None:
    assert contrast("rgb(0, 0, 0)|rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)|rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)

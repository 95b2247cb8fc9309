"""Shortening of texts for channels with a size limit.

The topic is cut first, then the whiteboard and the date in a second calendar; then names become
first names, and the place and the subject are shortened. The time and the link are never cut: a
text without them is useless.
"""

from collections.abc import Callable
from dataclasses import replace

from tasks.messages.clean_text import END_ISOLATE, ISOLATE, cut
from tasks.messages.page import Entry, Page

LEAST_TOPIC = 8  # a topic shorter than this is left out
LEAST_PLACE = 16
LEAST_SUBJECT = 16
MOST_OF_A_NAME = 24

Render = Callable[[Page], str]
Excess = Callable[[str], int]  # number of characters over the limit; 0 or less if it fits
Cut = Callable[[Entry, int], Entry]


def fitted(page: Page, render: Render, excess: Excess) -> str:
    """The fullest text that fits; if none does, the shortest."""
    text = render(page)
    for shorten in CUTS:
        over = excess(text)
        if over <= 0:
            return text
        page = shortened(page, shorten, over)
        text = render(page)
    return text


def shortened(page: Page, shorten: Cut, over: int) -> Page:
    """The page with each entry shortened by its share of the excess."""
    share = -(-over // len(page.entries))
    return replace(page, entries=tuple(shorten(entry, share) for entry in page.entries))


def shortest(page: Page) -> Page:
    """The page after all cuts, as short as possible."""
    for shorten in CUTS:
        page = shortened(page, shorten, 10_000)
    return page


def shorter_topic(entry: Entry, share: int) -> Entry:
    # Two more than the share, as the ellipsis becomes three full stops in an SMS.
    rest = len(entry.topic) - share - 2
    return replace(entry, topic=cut(entry.topic, rest) if rest >= LEAST_TOPIC else "")


def no_topic(entry: Entry, _share: int) -> Entry:
    return replace(entry, topic="")


def no_board(entry: Entry, _share: int) -> Entry:
    return replace(entry, board="")


def one_calendar(entry: Entry, _share: int) -> Entry:
    when = replace(entry.when, in_one_calendar=True)
    return replace(entry, when=when, was=entry.was and replace(entry.was, in_one_calendar=True))


def first_names(entry: Entry, _share: int) -> Entry:
    return replace(
        entry,
        tutor=first_name(entry.tutor),
        students=tuple(first_name(student) for student in entry.students),
        goes_on_with=tuple(first_name(student) for student in entry.goes_on_with),
    )


def first_name(name: str) -> str:
    first, parted, _ = name.partition(" ")
    isolated = parted and first.startswith(ISOLATE)
    return cut(first + END_ISOLATE if isolated else first, MOST_OF_A_NAME)


def shorter_place(entry: Entry, share: int) -> Entry:
    return replace(entry, place=cut(entry.place, max(len(entry.place) - share - 2, LEAST_PLACE)))


def shorter_subject(entry: Entry, share: int) -> Entry:
    rest = max(len(entry.subject) - share - 2, LEAST_SUBJECT)
    return replace(entry, subject=cut(entry.subject, rest))


CUTS: tuple[Cut, ...] = (
    shorter_topic,
    no_topic,
    no_board,
    one_calendar,
    first_names,
    shorter_place,
    shorter_subject,
)

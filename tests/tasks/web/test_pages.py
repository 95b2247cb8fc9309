"""The pages, as HTML, on a site with a weekly rule and messages in several states."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from html.parser import HTMLParser
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape
from sqlalchemy import Connection, text

from scheduler.settings import Settings
from tasks.web.harm import harmed_by
from tasks.web.html import TEMPLATES
from tasks.web.translations import AMHARIC
from tests.builders import a_session, a_student, a_tutor, a_user, an_absence, an_enrolment
from tests.command_line import Commands
from tests.eventually import eventually
from tests.scheduler.ledger.rows import a_batch, a_delivery, an_attempt
from tests.tasks.web.conftest import Browser, served

NOW = datetime.now(UTC).replace(microsecond=0)
TODAY = NOW.astimezone(ZoneInfo("Africa/Addis_Ababa")).date()
KEY = UUID("12345678-1234-4234-8234-123456789abc")
HOSTILE = "<script>alert(1)</script>\"'><img src=x>"


class Site:
    """Ids of its rows."""

    def __init__(self, conn: Connection) -> None:
        self.user = a_user(
            conn, first_name="Hana", father_name="Bekele", email="hana.b@tutoring.example",
            phone="+251 911 23 45 67",
        )  # fmt: skip
        self.tutor = a_tutor(conn, user_id=self.user)
        self.student = a_student(conn, first_name="Sara", father_name=HOSTILE)
        an_enrolment(conn, tutor_id=self.tutor, student_profile_id=self.student)
        self.anchor = a_session(
            conn, tutor_id=self.tutor, student_id=self.student, is_recurring=True,
            session_frequency="weekly", session_date=TODAY, start_time="23:58", end_time="23:59",
            subject=HOSTILE, notification_enabled=True,
        )  # fmt: skip
        self.odd = a_session(
            conn, session_date=TODAY, is_recurring=True, session_frequency="now and then",
            recurring_pattern={"days": ["Moonday"]}, subject="Physics",
        )  # fmt: skip
        self.delivery = a_delivery(
            conn, session_id=self.anchor, tutor_id=self.tutor, student_id=self.student,
            person_id=self.user, recipient=f"user:{self.user}", state="sent", channel="email",
            starts_at=NOW + timedelta(hours=3), due_at=NOW - timedelta(minutes=5),
            send_after=NOW - timedelta(minutes=5), planned_at=NOW - timedelta(hours=1),
            sent_at=NOW - timedelta(minutes=4), message_key=KEY,
        )  # fmt: skip
        an_attempt(
            conn, self.delivery, message_key=KEY, provider_id="ATXid_77", words=f"250 {HOSTILE}",
            begun_at=NOW - timedelta(minutes=4), ended_at=NOW - timedelta(minutes=4),
        )  # fmt: skip
        a_delivery(
            conn, state="held", batch=a_batch(conn), reason="flood", person_id=self.user,
            recipient=f"user:{self.user}",
        )  # fmt: skip
        conn.commit()


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    site = Site(conn)
    Commands(conn, database).run("expand")
    return site


@pytest.fixture
def browser(site: Site, conn: Connection, settings: Settings) -> Iterator[Browser]:
    with served(settings) as url:
        yield Browser(conn, url)


class Outline(HTMLParser):
    """Texts by tag, links, and scripts with a text of their own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given["href"] or "")
        if (tag == "script" and "src" not in given) or "style" in given or tag == "img":
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on")]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if given.get("id"):
            self.ids.append(given["id"] or "")


def test_today_tells_what_is_wrong_first_with_whom_it_hurts_and_its_cure(
    browser: Browser, site: Site
) -> None:
    eventually(lambda: "release --batch" in browser.get("/").text, within=60)
    page = browser.get("/").text

    assert page.index("What is wrong") < page.index("Sessions to come today")
    finding = page[page.index("held with batch") :]
    assert escape(harmed_by("held")) in finding[:1_500]
    assert "celery -A tasks deliveries release --batch" in finding[:1_500]
    assert "now and then" in page[page.index("Rules that cannot be read") :]
    assert "Moonday" in page


def test_today_names_who_is_absent_and_not_why(
    browser: Browser, site: Site, conn: Connection
) -> None:
    day = datetime.now(ZoneInfo("Africa/Addis_Ababa")).date()
    user = a_user(conn, first_name="Meseret", father_name="Alemu")
    tutor, student = a_tutor(conn, user_id=user), a_student(conn, first_name="Kidus")
    an_absence(conn, day, tutor_id=tutor, reason="influenza")
    an_absence(conn, day, student_id=student, from_time=time(9), until_time=time(11))
    an_absence(conn, day, student_id=99_999)
    an_absence(conn, day - timedelta(days=1))
    tomorrow = a_student(conn, first_name="Bethel")
    an_absence(conn, day + timedelta(days=1), student_id=tomorrow)

    text = browser.get("/").text
    section = text[text.index('<h2 id="absent">') : text.index('<h2 id="week">')]

    assert f'<a href="/people/{user}">Meseret Alemu</a> (Tutor)</li>' in section
    assert re.search(r"Kidus[^<]*</a> \(Student\), 09:00–11:00</li>", section)
    assert '<span class="id">99999</span> (Student)</li>' in section
    assert section.count("<li>") == 3
    assert "influenza" not in text


def test_a_page_of_each_kind_is_a_sound_document(browser: Browser, site: Site) -> None:
    for path in pages(site):
        answer = browser.get(path)
        outline = Outline(answer.text)

        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith("text/html"), path
        assert outline.inline == [], path
        assert "<img" not in answer.text, path
        assert outline.headings[0] == 1, path
        assert outline.headings.count(1) == 1, path
        steps = zip(outline.headings, outline.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), path
        assert len(set(outline.ids)) == len(outline.ids), path
        assert "hana.b" not in answer.text, path
        assert "911" not in answer.text, path


def pages(site: Site) -> tuple[str, ...]:
    return (
        "/", "/?lang=am", f"/sessions/{site.anchor}", f"/sessions/{site.anchor}?lang=am",
        f"/people/{site.user}", "/search", "/search?q=Hana", f"/search?q={site.delivery}",
    )  # fmt: skip


def test_every_link_of_the_pages_leads_somewhere(browser: Browser, site: Site) -> None:
    links = {link for path in pages(site) for link in Outline(browser.get(path).text).links}

    for link in links - {"#content"}:
        assert browser.get(link).status_code == 200, link


@pytest.mark.parametrize(
    "words", ["hana", "BEKELE", "4567", "0911234567"[4:], "b@tutoring.example", "{user}"]
)
def test_a_person_is_found_by_name_id_and_the_end_of_an_address(
    browser: Browser, site: Site, words: str
) -> None:
    page = browser.get("/search", params={"q": words.format(user=site.user)}).text

    assert f'href="/people/{site.user}"' in page
    assert "234567" not in page.replace("value=", "") or words == "234567"
    assert "hana.b@" not in page


def test_a_message_is_found_by_each_of_its_ids(browser: Browser, site: Site) -> None:
    for words in (str(site.delivery), f"<{KEY}@mail.example>", str(KEY), "ATXid_77"):
        page = browser.get("/search", params={"q": words}).text

        assert f'<span class="id">{site.delivery}</span>' in page, words
        assert f'href="/sessions/{site.anchor}"' in page, words


def test_what_is_no_page_says_so(browser: Browser) -> None:
    for path in ("/sessions/999999", "/sessions/99999999999999999999", "/people/999999"):
        assert browser.get(path).status_code == 404, path
    assert "Nothing found." in browser.get("/search", params={"q": "no such thing"}).text
    for odd in ("\0", "%", "_", "'", "x" * 5000, "٣", "-1", "9" * 40):
        assert browser.get("/search", params={"q": odd}).status_code == 200, odd


def test_a_session_shows_its_rule_its_coming_dates_and_its_story(
    browser: Browser, site: Site
) -> None:
    path = f"/sessions/{site.anchor}"
    eventually(lambda: 'class="month"' in browser.get(path).text, within=60)
    page = browser.get(path).text

    assert '<p lang="en">every week' in page
    assert page.count('class="day created"') == 12
    assert "sent" in page[page.index("timeline") :]


def test_in_amharic_dates_stand_in_both_calendars(browser: Browser, site: Site) -> None:
    page = browser.get("/?lang=am")

    assert '<html lang="am">' in page.text
    assert "ዓ.ም. (" in page.text
    assert "ዛሬ" in page.text
    kept = page.cookies.get_dict()
    assert '<html lang="am">' in browser.get("/", cookies=kept).text
    assert '<html lang="am">' in browser.get("/", headers={"Accept-Language": "am-ET"}).text
    assert '<html lang="en">' in browser.get("/", headers={"Accept-Language": "fr"}).text


def test_every_word_of_the_templates_has_its_amharic() -> None:
    words = {
        word
        for template in TEMPLATES.glob("*.html")
        for word in re.findall(r't\("([^"]+)"\)', template.read_text())
    }

    assert words - AMHARIC.keys() == set()
    assert len(words) > 50


def test_messages_are_told_as_they_go_out(browser: Browser, site: Site, conn: Connection) -> None:
    with browser.get("/events", stream=True) as events:
        lines = events.iter_lines(decode_unicode=True)
        assert next(lines) == "retry: 5000"
        an_attempt(conn, site.delivery, outcome="failed", words="550 no such user")
        conn.commit()
        told = next(line for line in lines if line.startswith("data:"))

    assert '"outcome": "failed"' in told
    assert "550 no such user" in told


def test_the_pages_transactions_cannot_write(browser: Browser, settings: Settings) -> None:
    from tasks.web.parts import parts

    with parts(settings).engine.connect() as conn:
        assert conn.scalar(text("SHOW transaction_read_only")) == "on"

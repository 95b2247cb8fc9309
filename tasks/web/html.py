"""Pages as HTML: the templates, and what each of them may use."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from scheduler.calendar_names import weekday_names
from scheduler.words import label, lead, reason
from tasks.web.dates import Dates
from tasks.web.parts import parts_of
from tasks.web.translations import word

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES: Mapping[str, str] = {"en": "English", "am": "አማርኛ"}
COOKIE = "language"


@cache
def environment() -> Environment:
    """The site's texts are values and are escaped; none of them is a template."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(label=label, lead=lead, reason=reason)
    return made


def language_of(request: Request) -> str:
    """By `?lang=`, else as chosen before, else as the browser prefers."""
    chosen = request.query_params.get("lang", "") or request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    preferred = request.headers.get("accept-language", "")[:2].lower()
    return preferred if preferred in LANGUAGES else "en"


def page(
    request: Request, template: str, now: datetime, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page in the request's language. `now`: when its values were read."""
    language = language_of(request)
    zone = parts_of(request).settings.zone
    content = environment().get_template(template).render(
        **values,
        language=language,
        languages=LANGUAGES,
        t=partial(word, language=language),
        dates=Dates(language, zone, now),
        weekdays=weekday_names(language, "abbreviated"),
        now=now,
        here=request.url.path,
        asked=request.query_params.get("q", ""),
    )  # fmt: skip
    answer = HTMLResponse(content, status)
    if "lang" in request.query_params:
        answer.set_cookie(COOKIE, language, 365 * 24 * 3600, httponly=True, samesite="lax")
    return answer

"""Loading of templates: the built-in ones, and their replacements from the admin's folder.

An admin's run in Jinja's immutable sandbox, as many people may write to that folder; the built-in
ones are ours, and take two thirds of the time without it. An undefined name is an error; HTML is
escaped. The site's texts are never compiled as templates.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from scheduler.languages import LANGUAGES
from scheduler.settings import InvalidSetting

log = logging.getLogger(__name__)

BUILT_IN = Path(__file__).parent / "templates"
TEMPLATE_SUFFIXES = {".txt", ".html"}
REFERENCE = "en"  # the language that has every template


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """Compiled templates by name ('en/alarm/sms.txt'). `spare` holds the built-in ones, used if an
    admin's template fails."""

    templates: Mapping[str, Template]
    spare: Mapping[str, Template]

    def write(self, name: str, context: Mapping[str, object]) -> str:
        template, spare = self.templates[name], self.spare[name]
        if template is spare:
            return template.render(context)
        try:
            return template.render(context)
        except Exception:
            log.exception("Template %s failed: the built-in one is used.", template.filename)
            return spare.render(context)

    @property
    def without_spare(self) -> "TemplateSet":
        """The set without fallback, for rehearsals: errors are raised."""
        return TemplateSet(self.templates, self.templates)


def template_set_of(folder: str) -> TemplateSet:
    """The templates, with those of `folder` ('' for none) in place of the built-in ones.

    Raises InvalidSetting where the folder or a template in it cannot be used.
    """
    spare = built_in()
    if not folder:
        return TemplateSet(spare, spare)
    theirs = Path(folder)
    if not theirs.is_dir():
        raise InvalidSetting(f"TEMPLATES: {folder!r} is no folder: name one that exists, or none.")
    refuse_strays(theirs)
    try:
        chosen = compiled(
            ImmutableSandboxedEnvironment,
            ChoiceLoader([FileSystemLoader(theirs), FileSystemLoader(BUILT_IN)]),
        )
    except (TemplateSyntaxError, UnicodeDecodeError, OSError) as error:
        raise InvalidSetting(f"TEMPLATES: {complaint(error, theirs)}") from None
    return TemplateSet(replaced(chosen, theirs, spare), spare)


class BuiltIn(Mapping[str, Template]):
    """The built-in templates, each compiled when it is first asked for: a command needs a few of
    them, and to compile those of all languages takes longer than the rest of it."""

    def __init__(self) -> None:
        self._environment = environment_of(Environment, FileSystemLoader(BUILT_IN))
        self._names = dict.fromkeys(names())

    def __getitem__(self, name: str) -> Template:
        if name not in self._names:
            raise KeyError(name)
        return self._environment.get_template(name)  # which keeps it

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def built_in() -> Mapping[str, Template]:
    return BuiltIn()


def compile_built_in() -> None:
    """Compile them all, so that a worker reads none that an upgrade has replaced meanwhile."""
    for _ in built_in().values():
        pass


def compiled(kind: type[Environment], loader: BaseLoader) -> Mapping[str, Template]:
    environment = environment_of(kind, loader)
    return MappingProxyType({name: environment.get_template(name) for name in names()})


def environment_of(kind: type[Environment], loader: BaseLoader) -> Environment:
    return kind(
        loader=loader,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )


def names() -> Iterator[str]:
    """The names of the built-in templates, without the parts they include (`_…`)."""
    return (name for name in files(BUILT_IN) if not is_part(name))


def files(folder: Path) -> Iterator[str]:
    """The names of all templates of a folder, in order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in TEMPLATE_SUFFIXES:
            yield path.relative_to(folder).as_posix()


def is_part(name: str) -> bool:
    """Whether any kind of message may need it: what others include, and the line of `mute/`."""
    return name.rpartition("/")[2].startswith("_") or name.startswith("mute/")


def missing_templates(language: str, folder: Path = BUILT_IN) -> tuple[str, ...]:
    """The templates that the reference language has and this one has not, in order:
    'alarm/sms.txt', '_greeting.txt'."""
    theirs = set(files(folder / language))
    return tuple(name for name in files(folder / REFERENCE) if name not in theirs)


@cache
def whole_kinds(folder: Path = BUILT_IN) -> frozenset[tuple[str, str]]:
    """('om', 'alarm') …: the kinds of message of which a language has all templates. Where a part
    is missing, which any message may need, no kind is whole."""
    kinds = {name.partition("/")[0] for name in files(folder / REFERENCE) if not is_part(name)}
    return frozenset(
        (language, kind)
        for language in LANGUAGES
        for kind in kinds
        if not any(
            is_part(name) or name.startswith(f"{kind}/")
            for name in missing_templates(language, folder)
        )
    )


def refuse_strays(theirs: Path) -> None:
    """Raise InvalidSetting for a file that replaces no template, likely misnamed. Parts (`_…`) may
    be new."""
    known = set(names())
    for path in sorted(theirs.rglob("*")):
        name = path.relative_to(theirs)
        hidden = path.name[0] == "_" or any(part[0] == "." for part in name.parts)
        if path.suffix in TEMPLATE_SUFFIXES and not hidden and name.as_posix() not in known:
            raise InvalidSetting(
                f"TEMPLATES: {path} replaces nothing: name it as a built-in one, such as"
                f" en/alarm/sms.txt, or begin its name with _ if others include it."
            )


def replaced(
    chosen: Mapping[str, Template], theirs: Path, spare: Mapping[str, Template]
) -> Mapping[str, Template]:
    """The templates to use: all of `chosen` if a part (`_…`) is replaced, since any may include it;
    else the admin's, and `spare` for the rest."""
    if any(theirs.rglob("_*")):
        return chosen
    return {name: chosen[name] if (theirs / name).is_file() else spare[name] for name in spare}


def complaint(error: BaseException, theirs: Path) -> str:
    """The error in one line, with file and line of the admin's template if known."""
    words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name} line {error.lineno}: {error.message}."
    place, trace = str(theirs), error.__traceback__
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(str(theirs)):
            place = f"{file} line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{place}: {words}."

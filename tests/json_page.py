"""The page docs/json.md: the documents' keys from their types, and examples from real runs."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tasks.commands.documents import DOCUMENTS
from tasks.commands.output import json_document
from tasks.demo.summary import DemoDocument
from tasks.web.command import WebDocument

PAGE = Path(__file__).parents[1] / "docs" / "json.md"
HEAD = """# JSON documents

What each command prints with `--json`: one document on one line of standard output. Every document
has the key `"version": 1` first; a key that goes or changes its meaning makes it 2, a new key does
not. `instant`: ISO 8601 with an offset, such as `2026-12-01T14:00:00+03:00`; `date`:
`2026-12-01`. Ids are numbers. `[]` stands for each item of a list. The examples are of real runs,
with long lists and texts cut short.

This page is written by `WRITE_DOCS=1 uv run pytest tests/test_docs.py`, its examples by
`WRITE_DOCS=1 uv run pytest tests/tasks/commands/test_documents.py`."""
DOCUMENTED: Mapping[str, Any] = {
    **DOCUMENTS,
    "demo": DemoDocument,
    "web": WebDocument,
}
LONG = 120
FORMS = {"date-time": "instant"}

Schema = Mapping[str, Any]


def page_of(examples: Mapping[str, str]) -> str:
    sections = [section_of(name, examples.get(name, "")) for name in sorted(DOCUMENTED)]
    return "\n\n".join([HEAD, *sections]) + "\n"


def examples_on(page: str) -> dict[str, str]:
    """Command → its example, as JSON text."""
    found = {}
    for section in page.split("\n## ")[1:]:
        if example := re.search(r"^```json\n(.*?)\n```$", section, re.M | re.S):
            found[section.split("`")[1]] = example[1]
    return found


def section_of(name: str, example: str) -> str:
    schema = TypeAdapter(DOCUMENTED[name]).json_schema(mode="serialization")
    parts = [f"## `{name}`"]
    if words := meaning_of(schema):
        parts.append(words)
    rows = rows_of(schema, schema.get("$defs", {}), "")
    parts.append("\n".join(["| key | type | meaning |", "|---|---|---|", *rows]))
    if example:
        parts.append(f"```json\n{example}\n```")
    return "\n\n".join(parts)


def rows_of(schema: Schema, known: Schema, above: str) -> Iterator[str]:
    for key, about in schema["properties"].items():
        path, nullable, found = above + key, False, dict(about)
        if "anyOf" in found:
            nullable = {"type": "null"} in found["anyOf"]
            [found] = [each for each in found["anyOf"] if each != {"type": "null"}]
        kind = ""
        if found.get("type") == "array":
            found, path, kind = found["items"], path + "[]", "list of "
        if "$ref" in found:
            found = known[found["$ref"].rpartition("/")[2]]
        kind += kind_of(found) + (" or null" if nullable else "")
        yield f"| `{path}` | {kind} | {meaning_of(found) if 'properties' in found else ''} |"
        if "properties" in found:
            yield from rows_of(found, known, f"{path}.")


def kind_of(about: Schema) -> str:
    if "enum" in about:
        return ", ".join(f"`{each}`" for each in about["enum"])
    if about.get("type") == "object" and "properties" not in about:
        values = about.get("additionalProperties")
        counts = isinstance(values, dict) and values.get("type") == "integer"
        return "object: name → integer" if counts else "object"
    form = str(about.get("format", about.get("type", "any value")))
    return FORMS.get(form, form)


def meaning_of(about: Schema) -> str:
    return " ".join(str(about.get("description", "")).split()).replace("|", "\\|")


def refuse_undocumented(name: str, text: str) -> None:
    """Fails where a document has other keys or types than its type says."""
    printed = json.loads(text)
    assert printed.pop("version") == 1
    read = TypeAdapter(DOCUMENTED[name]).validate_python(json.loads(json.dumps(printed)))
    again = json.loads(json_document(read))
    again.pop("version")
    assert again == printed


def example_of(text: str) -> str:
    """A document as the page shows it."""
    return json.dumps(shortened(json.loads(text)), indent=2, ensure_ascii=False)


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value[:1]]
    if isinstance(value, str) and len(value) > LONG:
        return value[: LONG - 1] + "…"
    return value

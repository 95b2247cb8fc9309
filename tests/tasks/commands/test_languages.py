"""`languages`: what each language of messages lacks."""

import json

import pytest
from click.testing import CliRunner

from tasks.admin import languages as admin
from tasks.commands.languages import languages


def test_languages_that_lack_nothing_are_well() -> None:
    result = CliRunner().invoke(languages, ["--json"])

    told = {one["code"]: one for one in json.loads(result.stdout)["languages"]}
    assert result.exit_code == 0
    assert [*told] == ["en", "am", "om", "ti"]
    assert "afaan oromo" in told["om"]["spellings"]


def test_a_template_that_is_lacking_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = {"ti": ("alarm/sms.txt",)}
    monkeypatch.setattr(admin, "lacking", lambda code: lacks.get(code, ()))

    result = CliRunner().invoke(languages)

    assert result.exit_code == 1
    assert "alarm/sms.txt" in result.stdout

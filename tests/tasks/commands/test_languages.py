"""`languages`: the templates missing in each language of messages."""

import json

import pytest
from click.testing import CliRunner

from tasks.admin import languages as admin
from tasks.commands.languages import languages


def test_no_template_is_missing() -> None:
    result = CliRunner().invoke(languages, ["--json"])

    told = {one["code"]: one for one in json.loads(result.stdout)["languages"]}
    assert result.exit_code == 0
    assert [*told] == ["en", "am", "om", "ti"]
    assert "afaan oromo" in told["om"]["spellings"]


def test_a_template_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"ti": ("alarm/sms.txt",)}
    monkeypatch.setattr(admin, "missing_templates", lambda code: missing.get(code, ()))

    result = CliRunner().invoke(languages)

    assert result.exit_code == 1
    assert "alarm/sms.txt" in result.stdout

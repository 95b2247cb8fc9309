"""A worker that cannot deliver does not start, nor does beat with such settings."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scheduler.settings import load_settings
from tasks import app
from tasks.delivery.startup import prepare, refuse_unusable
from tasks.messages.template_set import BuiltIn
from tasks.worker.config import SettingsLoader, UnreadableConfiguration
from tests.command_line import REPOSITORY
from tests.tasks.messages.test_templates import compiled_by

USABLE = {"database_url": "postgresql://localhost/site", "redis_url": "redis://localhost"}


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("worker", "CHANNEL_SMS", "nonsense"),
        ("beat", "CHANNEL_SMS", "nonsense"),
        ("worker", "DATABASE_URL", ""),
    ],
)
def test_a_setting_that_cannot_be_used_ends_it_with_one_line(
    database: str, valkey: str, command: str, name: str, value: str
) -> None:
    settings = {"DATABASE_URL": database, "REDIS_URL": valkey, name: value}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tasks", command],
        capture_output=True, text=True, timeout=120, cwd=REPOSITORY, check=False,
        env={**os.environ, **settings},
    )  # fmt: skip

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {name}")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_url", ""),
        ("database_url", "mysql://user:secret@host/site"),
        ("channel_email", "garbage"),
        ("channel_sms", "json://host/?to={nobody}"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(_env_file=None, **{**USABLE, name: value})
    monkeypatch.setattr("tasks.worker.config.worker_settings", lambda: settings)

    with pytest.raises(UnreadableConfiguration, match=f"^{name.upper()}"):
        SettingsLoader(app).on_worker_init()


def test_a_worker_compiles_all_templates_before_it_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = BuiltIn()
    tools = SimpleNamespace(settings=SimpleNamespace(admin=""))
    monkeypatch.setattr("tasks.messages.template_set.built_in", lambda: ours)
    monkeypatch.setattr("tasks.delivery.tools.worker_tools", lambda: tools)

    prepare()

    assert compiled_by(ours) >= {*ours}


def test_beat_needs_no_database_and_no_channel() -> None:
    refuse_unusable(load_settings(_env_file=None, redis_url="redis://localhost"))


def test_beat_does_not_wait_for_what_only_workers_use() -> None:
    check = "from tasks.delivery.startup import refuse_unusable as check"
    settings = f"load_settings(_env_file=None, channel_email='json://host', **{USABLE})"
    ask = f"{check}; import sys; from scheduler.settings import load_settings; check({settings})"

    done = subprocess.run(
        [sys.executable, "-c", f"{ask}; print({{'apprise', 'jinja2'}} & sys.modules.keys())"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    assert done.stdout == "set()\n"

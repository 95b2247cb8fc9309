"""The files of `deploy/`: they can be read, and name commands, options and settings that exist."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from scheduler.settings import Settings
from tasks.delivery.stop import ANSWERS_WITHIN_SECONDS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PROGRAM = "/opt/session-worker/bin/celery"
# Beside the answers: the time to record them, and to end the processes.
STOPS_WITHIN_SECONDS = ANSWERS_WITHIN_SECONDS + 2


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the Kubernetes manifests, with its file's name."""
    for path in MANIFESTS:
        for each in yaml.safe_load_all(path.read_text()):
            yield path.name, each


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, each in documents():
        if "template" in each["spec"]:
            yield name, each["spec"]["template"]["spec"]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """What stands behind `celery -A tasks` in each file, with the file's name."""
    for unit in UNITS:
        found = re.search(rf"^ExecStart={PROGRAM} -A tasks (.*)$", unit.read_text(), re.MULTILINE)
        assert found, unit.name
        yield unit.name, shlex.split(found[1])
    for line in (DEPLOY / "Procfile").read_text().splitlines():
        process, _, words = line.partition(": celery -A tasks ")
        yield f"Procfile {process}", shlex.split(words)
    for name, pod in pods():
        yield name, pod["containers"][0]["args"]
    for name, service in compose()["services"].items():
        if service["image"] == "session-worker" and "entrypoint" not in service:
            yield f"compose {name}", service["command"]
    for words in re.findall(
        r"celery -A tasks ([^|]*)", compose()["services"]["setup"]["command"][0]
    ):
        yield "compose setup", shlex.split(words)
    [words] = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    yield "Dockerfile", yaml.safe_load(words)


COMMAND_LINES = list(command_lines())


@pytest.mark.parametrize(("file", "words"), COMMAND_LINES, ids=[one for one, _ in COMMAND_LINES])
def test_each_command_exists_with_its_options(file: str, words: list[str]) -> None:
    given = ["8000" if word == "$PORT" else word for word in words[1:]]

    command = command_named(words[0])
    command.make_parser(click.Context(command)).parse_args(given)


def command_named(name: str) -> click.Command:
    if name in ("worker", "beat"):
        from celery.bin import beat, worker

        return {"worker": worker.worker, "beat": beat.beat}[name]
    command: click.Command = entry_points(group="celery.commands")[name].load()
    return command


def test_each_way_runs_the_three_parts_with_both_queues() -> None:
    for way in ("session-worker-", "Procfile ", "compose "):
        lines = [words for file, words in COMMAND_LINES if file.startswith(way)]
        assert {"worker", "beat", "web"} <= {words[0] for words in lines}
    workers = [words for _, words in COMMAND_LINES if words[0] == "worker"]
    assert {words[words.index("--queues") + 1] for words in workers} == {"planning,delivery"}


def test_each_setting_of_the_compose_file_exists() -> None:
    known = {name.upper() for name in Settings.model_fields}

    for name, service in compose()["services"].items():
        if service["image"] == "session-worker":
            assert set(service["environment"]) <= known, name


def test_an_end_is_given_the_time_that_a_worker_takes() -> None:
    graces = [pod["terminationGracePeriodSeconds"] for _, pod in pods() if "setup" not in str(pod)]
    graces += [
        int(service["stop_grace_period"].removesuffix("s"))
        for service in compose()["services"].values()
        if "stop_grace_period" in service
    ]
    for unit in UNITS:
        graces += map(int, re.findall(r"^TimeoutStopSec=(\d+)s$", unit.read_text(), re.MULTILINE))

    assert len(graces) == 3 + 4 + 3
    assert min(graces) > STOPS_WITHIN_SECONDS


def test_no_container_runs_as_root_or_may_become_it() -> None:
    [user] = re.findall(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)

    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == int(user), name
        assert pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False, name


def test_the_image_gets_all_that_is_installed_and_nothing_else() -> None:
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M)

    names = {name for line in copied for name in line.split()}
    assert {line.removeprefix("!") for line in sent if line.startswith("!")} == names
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        # It looks for the program too.
        here = str(Path(sys.executable).parent / "celery")
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, here))

    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    # It reads the machine's own units too, and may warn of those.
    ours = [line for line in done.stderr.splitlines() if "session-worker" in line]
    assert ours == []

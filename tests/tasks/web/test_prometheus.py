"""The alerts and the dashboard of `deploy/`, held against the metrics, and a real Prometheus that
scrapes them, where one is installed."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from tests.command_line import REPOSITORY
from tests.eventually import eventually
from tests.scheduler.ledger.rows import a_delivery, an_attempt
from tests.sinks.ports import free_ports
from tests.tasks.web.conftest import Browser

pytestmark = pytest.mark.long

DEPLOY = REPOSITORY / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = json.loads((DEPLOY / "grafana" / "session-worker.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
METRIC = re.compile(r"\b(?:session_worker|celery)_[a-z_]+")
SELECTOR = re.compile(r"\b((?:session_worker|celery)_[a-z_]+)\{([^}]*)\}")


def exported(browser: Browser) -> dict[str, list[dict[str, str]]]:
    """Name → the labels of its samples."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(browser.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_each_metric_that_alerts_and_dashboard_name_exists(
    browser: Browser, conn: Connection
) -> None:
    an_attempt(conn, a_delivery(conn))
    samples = exported(browser)
    words = "\n".join([*QUERIES, (PROMETHEUS / "alerts.yml").read_text()])

    named = set(METRIC.findall(words))
    assert named - samples.keys() == set()
    assert len(named) > 10
    for name, selector in SELECTOR.findall(words):
        labels = {label for sample in samples[name] for label in sample}
        assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= labels, (name, selector)


def test_the_dashboard_shows_each_metric(browser: Browser) -> None:
    shown = set(METRIC.findall("\n".join(QUERIES)))
    families = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in shown}

    samples = exported(browser)
    of_ours = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in samples}
    assert of_ours - families <= {"session_worker_info"} | {
        name for name in of_ours if not name.startswith(("session_worker", "celery"))
    }


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here (Debian: prometheus)")
    return found


@pytest.mark.parametrize(
    "words",
    [("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml"),
     ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)  # fmt: skip
def test_promtool_finds_nothing_wrong(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [program("promtool"), *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_real_prometheus_scrapes_them_and_answers_the_dashboard(
    browser: Browser, conn: Connection, tmp_path: Path
) -> None:
    with prometheus(browser.url, tmp_path) as ask:
        eventually(lambda: ask("up == 1"), within=60)
        now = datetime.now(UTC)
        for number in range(500):
            a_delivery(
                conn, state="sent", channel="email", kind="alarm", recipient=f"user:{number}",
                starts_at=now + timedelta(hours=1), due_at=now, send_after=now, planned_at=now,
                sent_at=now,
            )  # fmt: skip
        conn.commit()
        total = 'session_worker_deliveries_total{kind="alarm",state="sent",channel="email"}'
        eventually(lambda: ask(f"{total} == 500"), within=60)

        assert float(ask(f"increase({total}[1m])")[0]["value"][1]) > 0
        for query in QUERIES:
            ask(query.replace("$__rate_interval", "1m"))


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[Any]:
    """A function that asks a Prometheus, which scrapes the target each second, a query."""
    [port] = free_ports(1)
    host = target.removeprefix("http://").rstrip("/")
    config = (PROMETHEUS / "prometheus.yml").read_text()
    config = config.replace("15s", "1s").replace("localhost:8000", host)
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(PROMETHEUS / "alerts.yml", folder)
    command = [
        program("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip

    def ask(query: str) -> Any:
        try:
            answer = requests.get(
                f"http://127.0.0.1:{port}/api/v1/query", {"query": query}, timeout=10
            )
        except requests.ConnectionError:
            return []
        if answer.status_code == 503:  # it starts
            return []
        body = answer.json()
        assert body["status"] == "success", (query, body)
        return body["data"]["result"]

    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        try:
            yield ask
        finally:
            running.terminate()

"""The log as JSON, one object a line (LOG_FORMAT=json), for a collector of logs.

The ids of sessions, deliveries, attempts and batches are keys of their own. No line names a person
or an address, in either format.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from celery._state import get_current_task
from celery.signals import after_setup_logger, after_setup_task_logger

from scheduler.settings import LogFormat
from tasks.database import worker_settings

# Fields of a record that are shown, in this order, where the line has them. `holder`: a claimed
# batch; `batch`: a held one.
FIELDS = (
    "move", "session", "delivery", "attempt", "batch", "holder", "state", "reason", "channel",
    "message_key",
)  # fmt: skip


class JsonLines(logging.Formatter):
    """Formatter of a record as one line of JSON; instants are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.document(record), default=str, ensure_ascii=False)

    def document(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """The record as it is written: keys in a fixed order, none without a value."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **task_of_this_thread(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return line


def task_of_this_thread() -> Mapping[str, str]:
    task = get_current_task()
    if task is None or not task.request.id:
        return {}
    return {"task": task.name, "task_id": task.request.id}


@after_setup_logger.connect
@after_setup_task_logger.connect
def write_json(logger: logging.Logger, **_: Any) -> None:
    """Set the format of a worker's and beat's handlers."""
    if worker_settings().log_format is LogFormat.JSON:
        for handler in logger.handlers:
            handler.setFormatter(JsonLines())

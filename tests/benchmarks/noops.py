"""A Celery app whose task does nothing, with which delivery is compared."""

import os

from celery import Celery

app = Celery("noops", broker=os.environ.get("REDIS_URL", ""))
app.conf.update(
    task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1,
    task_default_queue="noops", worker_hijack_root_logger=False,
)  # fmt: skip


@app.task(name="noops.nothing")
def nothing(number: int) -> None:
    """As little as a task can do."""

"""The Celery app: `celery -A tasks …`."""

from tasks.worker.app import WorkerApp

app = WorkerApp(
    "tasks",
    loader="tasks.worker.config:SettingsLoader",
    task_cls="tasks.worker.task:WorkerTask",
    include=[
        "tasks.planning",
        "tasks.delivery",
        "tasks.worker.beat_check",
        "tasks.worker.json_log",
        "tasks.worker.log_limit",
    ],
)
app.config_from_object("celeryconfig")

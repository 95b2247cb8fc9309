"""The Celery app: `celery -A tasks …`."""

from tasks.broker import WorkerApp

app = WorkerApp(
    "tasks",
    loader="tasks.loading:SettingsLoader",
    task_cls="tasks.troubles:WorkerTask",
    include=["tasks.expansion", "tasks.planning", "tasks.delivery", "tasks.watching"],
)
app.config_from_object("celeryconfig")

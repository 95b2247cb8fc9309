"""The Celery app: `celery -A tasks …`."""

from celery import Celery

app = Celery(
    "tasks",
    loader="tasks.loading:SettingsLoader",
    include=["tasks.expansion", "tasks.planning", "tasks.delivery"],
)
app.config_from_object("celeryconfig")

"""Celery's configuration: broker, queues, routes and the fixed beat entries; nothing else."""

from datetime import timedelta

from kombu import Queue

from scheduler.settings import load_settings

settings = load_settings()

broker_url = settings.redis_url
broker_connection_retry_on_startup = True
broker_transport_options = {
    "visibility_timeout": 3600,
    # A broker that says nothing any more must not keep a tick, or beat, for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
}

task_serializer = "json"
accept_content = ["json"]
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False

task_queues = (
    Queue("planning", routing_key="planning"),
    Queue("delivery", routing_key="delivery"),
)
task_default_queue = "planning"
task_routes = {"tasks.delivery.*": {"queue": "delivery"}}

timezone = "UTC"
beat_max_loop_interval = 1
beat_schedule = {
    # Plans what falls due, claims what is due and hands it out. A tick that comes late is useless.
    "tick": {
        "task": "tasks.planning.tick",
        "schedule": timedelta(seconds=1),
        "options": {"expires": 5},
    },
    # Finds what changed behind the tick's back, and what the broker or a dead worker lost.
    "sweep": {
        "task": "tasks.planning.sweep",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 30},
    },
    # Rules to rows: a changed rule takes effect within a minute.
    "expand": {
        "task": "tasks.planning.expand",
        "schedule": timedelta(seconds=30),
        "options": {"expires": 120},
    },
}

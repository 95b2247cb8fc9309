"""Celery's configuration: broker, queues, routes and the fixed beat entries; nothing else."""

from datetime import timedelta

from scheduler.settings import load_settings
from tasks.broker import transport_options
from tasks.worker.queues import queues

settings = load_settings()

broker_url = settings.redis_url
broker_connection_retry_on_startup = True
# An error of the broker's is its own trouble, and no reason to end the worker.
broker_channel_error_retry = True
# RabbitMQ's: a host that has vanished is given up after twice as long.
broker_heartbeat = 10
broker_transport_options = {
    **transport_options(settings),
    "visibility_timeout": 3600,
    "health_check_interval": 5,
    # How long a message is tried where its sender asks for no retries: kombu's own six seconds are
    # longer than the whole time of one that does.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}

task_serializer = "json"
accept_content = ["json"]
task_ignore_result = True
task_acks_late = True
# What kills its process must not be handed to the next: the ledger knows what was lost.
task_reject_on_worker_lost = False
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_consumer = "tasks.worker.consumer:PatientConsumer"

task_queues = queues(settings.broker_queues)
task_default_queue = "planning"
task_routes = {"tasks.delivery.*": {"queue": "delivery"}}

timezone = "UTC"
beat_max_loop_interval = 1
beat_scheduler = "tasks.worker.beat_scheduler:SteadyScheduler"
beat_schedule = {
    # Plans what falls due, claims what is due and hands it out. None expires: a worker's clock may
    # be ahead of beat's. That no more than a handful wait is the scheduler's care.
    "tick": {"task": "tasks.planning.tick", "schedule": timedelta(seconds=1)},
    # Finds what changed behind the tick's back, and what the broker or a dead worker lost.
    "sweep": {"task": "tasks.planning.sweep", "schedule": timedelta(seconds=10)},
    # Rules to rows: a changed rule takes effect within a minute.
    "expand": {"task": "tasks.planning.expand", "schedule": timedelta(seconds=30)},
    # Removes once a day what is older than KEEP_DAYS; at other times it looks at one row.
    "upkeep": {"task": "tasks.planning.upkeep", "schedule": timedelta(minutes=10)},
}

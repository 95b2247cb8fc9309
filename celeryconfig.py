"""Celery's configuration: broker, queues, routes and the fixed beat entries; nothing else."""

from datetime import timedelta

from scheduler.settings import load_settings
from tasks.broker import transport_options
from tasks.worker.queues import queues

settings = load_settings()

broker_url = settings.redis_url
broker_connection_retry_on_startup = True
# A failing broker is reconnected to; it is no reason to end the worker.
broker_channel_error_retry = True
# Heartbeat of RabbitMQ: the connection to a host that has vanished is given up after twice as long.
broker_heartbeat = 10
broker_transport_options = {
    **transport_options(settings),
    "visibility_timeout": 3600,
    "health_check_interval": 5,
    # Time allowed for publishing a message without retries: kombu's default of six seconds is
    # longer than publishing with retries may take in all.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}

task_serializer = "json"
accept_content = ["json"]
task_ignore_result = True
task_acks_late = True
# A task that kills its process must not be redelivered to the next one: the ledger knows what was
# lost, and the sweep finds it.
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
    # Plans and claims due messages and queues their batches. Ticks have no expiry, as a worker's
    # clock may be ahead of beat's; the scheduler keeps the number of waiting ticks small.
    "tick": {"task": "tasks.planning.tick", "schedule": timedelta(seconds=1)},
    # Finds changes that the tick does not see, and messages that the broker or a dead worker lost.
    "sweep": {"task": "tasks.planning.sweep", "schedule": timedelta(seconds=10)},
    # Expands rules into rows: a changed rule takes effect within a minute.
    "expand": {"task": "tasks.planning.expand", "schedule": timedelta(seconds=30)},
    # A worker that takes it proves that its queue is served, also while there is nothing to send.
    "pulse": {"task": "tasks.delivery.pulse", "schedule": timedelta(seconds=30)},
    # New errors and the weekly digest to ADMIN, and the call of HEARTBEAT_URL.
    "watch": {"task": "tasks.planning.watch", "schedule": timedelta(minutes=1)},
    # Reads what people send to the Telegram bot, where it is used: a thread reads on for a minute.
    "chats": {"task": "tasks.planning.read_chats", "schedule": timedelta(seconds=10)},
    # Removes data older than KEEP_DAYS once a day; the other runs read one row and end.
    "upkeep": {"task": "tasks.planning.upkeep", "schedule": timedelta(minutes=10)},
}

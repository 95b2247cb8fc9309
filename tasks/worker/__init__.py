"""Parts of the Celery app: configuration, beat, consumer, queues, and limits of the log."""

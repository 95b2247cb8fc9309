"""The Celery app's wiring: configuration, start and stop, and what the log says."""

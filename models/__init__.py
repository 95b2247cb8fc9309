"""Stored data: the site's tables as they are found, and the worker's own schema."""

# Both are imported, as the enrolment's relationship names a class in the whiteboard's module.
from models import site, whiteboard

__all__ = ["site", "whiteboard"]

"""Stored data: the site's tables as they are found, and the worker's own schema."""

# Both, always: an enrolment's relationship names a class of the whiteboard's file.
from models import site, whiteboard

__all__ = ["site", "whiteboard"]

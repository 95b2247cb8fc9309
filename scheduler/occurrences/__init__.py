"""Dates of a rule within a span, and instants of wall times (design, "Rules: which dates a row
means")."""

from scheduler.occurrences.dating import dates
from scheduler.occurrences.wall_time import Lasting, instant, lasting
from scheduler.occurrences.why import why

__all__ = ["Lasting", "dates", "instant", "lasting", "why"]

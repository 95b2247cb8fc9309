"""Saying that messages were held: an admin has to decide on them."""

import logging

from scheduler.reminders.passes import Changes

logger = logging.getLogger(__name__)


def say_what_is_held(changes: Changes) -> None:
    """A warning where the flood guard held some of what a pass planned."""
    if changes.held:
        logger.warning(
            "%d messages are held, as they were too many at once: `celery -A tasks doctor` names"
            " the cause and the cure.",
            len(changes.held),
        )

"""Random life stories of a site, compared with a model of people's edits and the site's own
changes.

By default a few, the same each time. LIFE_STORIES=300 takes as many:
`LIFE_STORIES=300 uv run pytest -n 2 tests/scheduler/expansion/test_life_stories.py`.
"""

import os

import pytest
from sqlalchemy import Connection

from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.life_story import LifeStory
from tests.servers import shared_engine_on

STORIES = int(os.environ.get("LIFE_STORIES", "0"))
SEEDS = range(STORIES) if STORIES else (0, 9, 48)  # the last two found faults
STEPS = 12


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_follow_their_rules_through_what_the_site_does_and_people_stay_right(
    conn: Connection, database: str, seed: int
) -> None:
    story = LifeStory(Site(conn, shared_engine_on(database)), seed)
    try:
        for _ in range(STEPS):
            story.step()
    except AssertionError as error:
        error.add_note("\n".join(story.told))
        raise

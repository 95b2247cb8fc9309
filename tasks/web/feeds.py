"""Calendar feeds, which programs read again every few minutes.

Most find it unchanged, so a fingerprint of its sessions decides before anything is rendered: as the
ETag that the program sends back, and as the key of what was rendered lately.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from models.catalog import SiteCatalog
from scheduler.ledger.feed_tokens import Reader, note_use, reader_of
from scheduler.reminders.read.feed_sessions import (
    feed_facts,
    feed_fingerprint,
    feed_fingerprints,
)
from scheduler.settings import Settings
from tasks.database import engine, site_catalog

if TYPE_CHECKING:
    from tasks.messages.render import Words

# Files of programs that send no ETag back; a year of lessons is about 100 kB.
FILES_AT_MOST = 200
# Programs ask each quarter of an hour at most: three minutes are soon enough.
FRESH_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """A feed as it is now. `content` is None where the program has it already."""

    etag: str
    content: bytes | None


@dataclass
class Feeds:
    """The feeds of one process. It writes when a token was used last, and nothing else."""

    settings: Settings
    fresh_seconds: float = FRESH_SECONDS
    _prints: dict[int, str] = field(default_factory=dict)
    _compared_at: float = -math.inf
    _comparing: Lock = field(default_factory=Lock)
    _files: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @cached_property
    def engine(self) -> Engine:
        return engine(self.settings)

    @cached_property
    def words(self) -> Words:
        from tasks.channels.configured import organizer_of  # Apprise is slow to import
        from tasks.messages.render import words_of

        return words_of(self.settings, organizer_of(self.settings))

    def read(self, token: str, known: str) -> CalendarFile | None:
        """The token's feed; None where it opens none. `known`: the ETags that the program has."""
        with self.engine.begin() as conn:
            reader = reader_of(conn, token)
            if reader is None:
                return None
            if not reader.is_noted:
                note_use(conn, reader)
        catalog = site_catalog(self.engine)
        print_ = self.fingerprint(reader, catalog)
        etag = f'W/"{self.salt}-{print_}"'
        if etag in known:
            return CalendarFile(etag, None)
        file = self.file(f"{reader.person_id} {print_}", reader, catalog, reader.now)
        return CalendarFile(etag, file)

    def fingerprint(self, reader: Reader, catalog: SiteCatalog) -> str:
        """The feed's, of the last minutes. All feeds are compared at once: each by itself would
        cost more than its share of one statement."""
        with self._comparing:
            if time.monotonic() - self._compared_at >= self.fresh_seconds:
                with self.engine.begin() as conn:
                    self._prints = {**feed_fingerprints(conn, catalog, self.settings, reader.now)}
                self._compared_at = time.monotonic()
            if reader.person_id not in self._prints:
                with self.engine.begin() as conn:
                    self._prints[reader.person_id] = feed_fingerprint(
                        conn, catalog, self.settings, reader.person_id, reader.now
                    )
            return self._prints[reader.person_id]

    @cached_property
    def salt(self) -> str:
        """Changes with what else decides how a feed is rendered."""
        given = self.settings
        rendered_by = (
            version("session-worker"), given.language, given.site_timezone,
            given.default_duration_minutes, given.templates,
        )  # fmt: skip
        return sha256(repr(rendered_by).encode()).hexdigest()[:8]

    def file(self, key: str, reader: Reader, catalog: SiteCatalog, now: datetime) -> bytes:
        """The rendered file, of this fingerprint or anew."""
        from tasks.messages.feed_file import feed_file

        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
        with self.engine.begin() as conn:
            facts = feed_facts(conn, catalog, self.settings, reader.person_id, now)
        content = feed_file(facts, self.words, now)
        with self._lock:
            self._files[key] = content
            while len(self._files) > FILES_AT_MOST:
                self._files.popitem(last=False)
        return content

    def dispose(self) -> None:
        """Close the connections."""
        self.engine.dispose()

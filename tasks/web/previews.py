"""Previews of rules, worked out in the background: on a large site they take a second."""

from collections import OrderedDict
from threading import Lock

from scheduler.expansion.admin.preview import NotASeries, Preview, preview
from scheduler.settings import Settings
from tasks.database import engine, engine_now
from tasks.web.refreshed_value import Last, RefreshedValue

KEPT = 100
KEPT_SECONDS = 30.0
PATIENCE_SECONDS = 0.15


class Previews:
    """Previews of the sessions that were looked at last.

    They plan in temporary tables and roll back, so their connections are not READ ONLY.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.engine = settings, engine(settings)
        self._lock, self._turn = Lock(), Lock()
        self._kept: OrderedDict[int, RefreshedValue[Preview | None]] = OrderedDict()

    def of(self, session_id: int) -> Last[Preview | None]:
        """The session's preview; its value is None while it is not worked out, or has no rule."""
        with self._lock:
            if session_id not in self._kept:
                read = RefreshedValue(lambda: self._read(session_id), KEPT_SECONDS)
                self._kept[session_id] = read
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            found = self._kept[session_id]
        return found.get(PATIENCE_SECONDS)

    def _read(self, session_id: int) -> Preview | None:
        """One at a time: the worker comes first."""
        try:
            with self._turn:
                return preview(self.engine, self.settings, engine_now(self.engine), session_id)
        except NotASeries:
            return None

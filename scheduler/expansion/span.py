"""Span of one expansion: the dates to fill, and all inputs that the result depends on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cached_property
from hashlib import sha256

from models.catalog import SiteCatalog
from scheduler.expansion.columns import RowColumns, row_columns
from scheduler.rules import RulePolicy
from scheduler.settings import OnStop, Settings


class Purpose(Enum):
    """Purpose of an expansion, which decides what it may do to existing rows."""

    AHEAD = "the coming weeks"
    BACKFILL = "dates that an admin names, without deleted ones"
    REFILL = "dates that an admin names, deleted ones too"
    ENDING = "end of a series by an admin, which cancels its rows to come"


@dataclass(frozen=True)
class Span:
    """Dates from `first` to `last`, inclusive, as seen at `as_of` (aware)."""

    catalog: SiteCatalog
    settings: Settings
    as_of: datetime
    first: date
    last: date
    purpose: Purpose = Purpose.AHEAD

    @classmethod
    def ahead(cls, catalog: SiteCatalog, settings: Settings, as_of: datetime) -> "Span":
        """From today's date at the site to EXPAND_DAYS ahead (promise 1). `as_of` is aware."""
        today = as_of.astimezone(settings.zone).date()
        return cls(catalog, settings, as_of, today, today + timedelta(days=settings.expand_days))

    @classmethod
    def backfill(
        cls,
        catalog: SiteCatalog,
        settings: Settings,
        as_of: datetime,
        dates: tuple[date, date],
        purpose: Purpose = Purpose.BACKFILL,
    ) -> "Span":
        """The dates (first, last) that an admin names, past ones too."""
        return cls(catalog, settings, as_of, *dates, purpose)

    @property
    def only_fills(self) -> bool:
        """True where rows are only inserted, and no existing row is changed."""
        return self.purpose in (Purpose.BACKFILL, Purpose.REFILL)

    @property
    def cancels_stopped(self) -> bool:
        """True where coming rows of a series that is switched off are cancelled, if unedited."""
        return self.purpose is Purpose.ENDING or self.settings.on_stop is OnStop.CANCEL

    @property
    def cancels_ended(self) -> bool:
        """True where coming rows of an ended series are cancelled: only on an admin's command,
        whatever ON_STOP says."""
        return self.purpose is Purpose.ENDING

    @property
    def today(self) -> date:
        return self.as_of.astimezone(self.settings.zone).date()

    @cached_property
    def columns(self) -> RowColumns:
        return row_columns(self.catalog)

    @cached_property
    def policy(self) -> RulePolicy:
        return RulePolicy.of(self.settings)

    @cached_property
    def context(self) -> str:
        """Text that changes with the settings and the site's columns: rules are re-read then."""
        setting = self.settings
        bearing = (
            setting.site_timezone, setting.month_end, setting.package_duration_unit,
            setting.default_duration_minutes, setting.on_stop, setting.holidays,
            setting.holidays_country, setting.make_up,
        )  # fmt: skip
        return sha256(repr(bearing).encode()).hexdigest()[:8] + ":" + self.catalog.signature

"""Span of one expansion: the dates to fill, and everything that bears on the outcome."""

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
    AHEAD = "the coming weeks, on and on"
    BACKFILL = "dates that an admin names, where there is no row yet"
    REFILL = "the same, and dates whose rows were deleted"
    ENDING = "an admin ends a series and cancels its rows to come"


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
        """From the site's wall date to EXPAND_DAYS ahead (promise 1)."""
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
        """The dates that an admin names, past ones too."""
        return cls(catalog, settings, as_of, *dates, purpose)

    @property
    def only_fills(self) -> bool:
        """Whether rows are only inserted, and no row that stands is changed, moved or cancelled."""
        return self.purpose in (Purpose.BACKFILL, Purpose.REFILL)

    @property
    def cancels_stopped(self) -> bool:
        """Whether untouched rows to come of a series that is switched off are cancelled."""
        return self.purpose is Purpose.ENDING or self.settings.on_stop is OnStop.CANCEL

    @property
    def cancels_ended(self) -> bool:
        """Those of a series that ended: not by themselves, whatever ON_STOP says."""
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
        """Changes when a setting or the site's columns do: every rule is then looked at again."""
        setting = self.settings
        bearing = (
            setting.site_timezone, setting.month_end, setting.package_duration_unit,
            setting.default_duration_minutes, setting.on_stop, setting.holidays,
            setting.holidays_country, setting.make_up,
        )  # fmt: skip
        return sha256(repr(bearing).encode()).hexdigest()[:8] + ":" + self.catalog.signature

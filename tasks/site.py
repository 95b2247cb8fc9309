"""The site's columns, as a process knows them; asked again each minute, as the site may migrate."""

import time
from dataclasses import dataclass, field

from sqlalchemy import Engine

from models.catalog import SiteCatalog, read_catalog

KEPT_SECONDS = 60.0


@dataclass
class Known:
    catalogs: dict[Engine, tuple[float, SiteCatalog]] = field(default_factory=dict)


KNOWN = Known()


def site_catalog(engine: Engine) -> SiteCatalog:
    """Raises SiteMismatch where the database is not the site's."""
    read_at, catalog = KNOWN.catalogs.get(engine, (0.0, None))
    if catalog is None or time.monotonic() - read_at > KEPT_SECONDS:
        with engine.connect() as conn:
            catalog = read_catalog(conn)
        KNOWN.catalogs[engine] = (time.monotonic(), catalog)
    return catalog

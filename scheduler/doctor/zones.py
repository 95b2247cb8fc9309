"""Check that PostgreSQL's zone data and the machine's agree (design, "Zones")."""

from collections.abc import Iterator

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error
from scheduler.site.zones import differences, in_words


def check_zones(patient: Patient) -> Iterator[Finding]:
    """Zones of SITE_TIMEZONE and preferences whose offsets differ in the coming year.

    Messages use the database's offsets, by which the sessions are planned.
    """
    for one in differences(patient.conn, patient.settings, patient.now):
        yield error(
            "zones_differ",
            in_words(one),
            "bring the zone data (tzdata) of both machines up to date; until then the database's"
            " hours are used",
        )

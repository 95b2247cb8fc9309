"""Types of the documents that `--json` prints, for the type checker and for docs/json.md.

Commands import it for its types alone, as it loads all that they are made of. Each document has the
key "version" besides (tasks/commands/output.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from scheduler.expansion.admin.absences import AbsenceLine, Effect
from scheduler.expansion.admin.audit import AuditFinding
from scheduler.expansion.admin.preview import Preview
from scheduler.expansion.admin.series import SeriesLine
from scheduler.expansion.report import Failure, SessionFinding, Written
from scheduler.ledger.feed_tokens import FeedToken
from scheduler.ledger.listing import DeliveryLine
from scheduler.ledger.personal_data import Forgotten, PersonalData
from scheduler.ledger.story import Explanation
from scheduler.reminders.channel_pauses import Pause
from scheduler.reminders.read.preview import Occasion
from scheduler.settings import ChannelName, Role
from tasks.admin.doctor import Examination
from tasks.admin.languages import Spoken
from tasks.admin.remind_rehearsal import Foreseen
from tasks.admin.revival import Revival
from tasks.admin.setup import Granted, Note


class AbsencesDocument(TypedDict):
    """By their first days."""

    absences: Sequence[AbsenceLine]


class AuditDocument(TypedDict):
    """`ok`: no finding is an error."""

    ok: bool
    findings: Sequence[AuditFinding]


BackfillDocument = TypedDict(
    "BackfillDocument",
    {
        "id": int | None,
        "from": date,
        "until": date,
        "dry_run": bool,
        "digest": str,
        "occurrences": Mapping[str, int],
        "rows": Written,
        "failed": Sequence[Failure],
    },
)
BackfillDocument.__doc__ = """`id`: for `--resume`; null for a dry run. `digest`: for `--expect`.
`occurrences`: the dates of the span by state. `rows`: what was written, or would be."""


class DeliveriesDocument(TypedDict):
    """In the order in which they are due."""

    deliveries: Sequence[DeliveryLine]


class PauseDocument(TypedDict):
    """All channels that are paused now."""

    paused: Sequence[Pause]


class ResumeDocument(TypedDict):
    """`resumed`: pauses that were lifted. `paused`: those that still hold."""

    resumed: Sequence[Pause]
    paused: Sequence[Pause]


class MovedDocument(TypedDict):
    """Ids of the deliveries that moved."""

    deliveries: Sequence[int]


class ExpandDocument(TypedDict):
    """`series` and `occurrences`: what stands after the run, by state. `rows`: what it wrote."""

    as_of: datetime
    series: Mapping[str, int]
    occurrences: Mapping[str, int]
    rows: Written
    findings: Sequence[SessionFinding]


class LanguagesDocument(TypedDict):
    """The languages that messages can have."""

    languages: Sequence[Spoken]


class AttachmentDocument(TypedDict):
    name: str
    mime_type: str
    content: str


class MessageDocument(TypedDict):
    """`withheld`: why it would not be sent now. `data`: what a webhook gets. `sms`: how many SMS it
    takes. Null where the channel has none."""

    person_id: int | None
    role: Role
    language: str
    withheld: str | None
    title: str
    text: str
    html: str | None
    data: Mapping[str, Any] | None
    sms: int | None
    attachments: Sequence[AttachmentDocument]


class FeedDocument(TypedDict):
    """`token`: with `--make`, this once. `tokens`: all of the person's, without their secret."""

    person_id: int
    token: str | None
    tokens: Sequence[FeedToken]


class PreviewMessageDocument(TypedDict):
    """A message for each person in the role."""

    session_id: int
    as_of: datetime
    kind: Occasion
    channel: ChannelName
    messages: Sequence[MessageDocument]


class RemindDocument(TypedDict):
    """Ledger rows that the run changed. `planned`: made or brought back, those sent at once
    included."""

    as_of: datetime
    planned: int
    sent: int
    failed: int
    expired: int
    obsolete: int
    unreachable: int


class RemindRehearsalDocument(RemindDocument):
    """What a run would do. `held`: rows that the flood guard would hold."""

    dry_run: bool
    held: int
    messages: Sequence[Foreseen]


class SeriesDocument(TypedDict):
    """Every series, whatever its state."""

    series: Sequence[SeriesLine]


class SeriesEndDocument(TypedDict):
    """`rows`: what was written, or would be."""

    session_id: int
    state: str
    dry_run: bool
    rows: Written


class SeriesReopenDocument(TypedDict):
    """`state`: that of the series now."""

    session_id: int
    state: str


MigrationDocument = TypedDict("MigrationDocument", {"from": str | None, "to": str})


class SetupDocument(TypedDict):
    """`role`: with `--role`. `site_tables`: those that `--with-site-tables` made. `migration`: that
    of the schema session_worker before and now."""

    role: Granted | None
    site_tables: Sequence[str]
    migration: MigrationDocument
    notes: Sequence[Note]


# By what is written after `celery -A tasks`.
DOCUMENTS: Mapping[str, Any] = {
    "absence add": Effect,
    "absence list": AbsencesDocument,
    "absence withdraw": Effect,
    "audit": AuditDocument,
    "backfill": BackfillDocument,
    "deliveries": DeliveriesDocument,
    "deliveries drop": MovedDocument,
    "deliveries pause": PauseDocument,
    "deliveries release": MovedDocument,
    "deliveries resume": ResumeDocument,
    "deliveries retry": MovedDocument,
    "deliveries revive": Revival,
    "deliveries settle": MovedDocument,
    "doctor": Examination,
    "expand": ExpandDocument,
    "explain": Explanation,
    "export": PersonalData,
    "feed": FeedDocument,
    "forget": Forgotten,
    "languages": LanguagesDocument,
    "preview": Preview,
    "preview-message": PreviewMessageDocument,
    "remind": RemindDocument,
    "remind --dry-run": RemindRehearsalDocument,
    "series": SeriesDocument,
    "series end": SeriesEndDocument,
    "series reopen": SeriesReopenDocument,
    "setup": SetupDocument,
}

"""Check of the Telegram bot's updates, which tell who links a chat and what is pressed."""

from collections.abc import Iterator

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, warning
from scheduler.reminders.telegram_chats import is_telegram_in_use

# One row.
TROUBLE = text("SELECT trouble FROM session_worker.telegram_reader")


def check_telegram(patient: Patient) -> Iterator[Finding]:
    """Updates that cannot be read, while somebody uses the bot."""
    trouble = patient.conn.scalar(TROUBLE)
    if trouble and is_telegram_in_use(patient.conn):
        yield warning(
            "telegram_updates",
            f"the bot's updates cannot be read, so no chat is linked and no button answers:"
            f" {trouble}",
            "let the worker alone read them, without a webhook, by the token in CHANNEL_TELEGRAM"
            " (docs/telegram.md)",
        )

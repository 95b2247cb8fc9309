"""Readiness: the servers that the worker needs answer, or not."""

from kombu import Connection
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from scheduler.settings import InvalidSetting, Settings
from tasks.broker import BROKER_ERRORS, transport_options
from tasks.database import ServerUnreachable
from tasks.web.kept_value import KeptValue

CONNECT_SECONDS = 2


def readiness(engine: Engine, settings: Settings) -> KeptValue[dict[str, bool]]:
    """Server → whether it answers, asked at most once a second."""
    return KeptValue(
        lambda: {"database": database_answers(engine), "broker": broker_answers(settings)}, 1.0
    )


def database_answers(engine: Engine) -> bool:
    try:
        with engine.connect() as conn:
            return conn.scalar(text("SELECT true")) is True
    except (ServerUnreachable, InvalidSetting, SQLAlchemyError):
        return False


def broker_answers(settings: Settings) -> bool:
    options = transport_options(settings)
    try:
        with Connection(
            settings.redis_url, connect_timeout=CONNECT_SECONDS, transport_options=options
        ) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
    except (*BROKER_ERRORS, OSError, ValueError, LookupError):
        return False
    return True

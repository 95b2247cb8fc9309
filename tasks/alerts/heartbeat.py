"""The sign of life to a dead-man switch outside the house: HEARTBEAT_URL.

A service there warns when the calls stop, so whatever dies here, also this code, is noticed.
"""

import requests

from tasks.channels.redaction import fit, secrets_of
from tasks.failures.log_once import log_once_about

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0


def call_heartbeat(url: str) -> bool:
    """Call the URL once; False where the service does not answer with a success.

    A failure is one line in the log, without the URL's path, which is its secret.
    """
    try:
        # The body is not read, so a slow one keeps nobody waiting.
        with requests.get(url, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), stream=True) as answer:
            answer.raise_for_status()
    except requests.RequestException as error:
        words = fit(said(error), secrets_of(url))
        log_once_about("heartbeat", f"HEARTBEAT_URL could not be called: {words}")
        return False
    return True


def said(error: requests.RequestException) -> str:
    """requests' own words show the whole address; an answer's status is enough, or the kind."""
    if error.response is not None:
        return f"it answered {error.response.status_code}"
    return type(error).__name__

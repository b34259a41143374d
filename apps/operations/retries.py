"""Which errors of a task are temporary, and when it is tried again."""

import errno
import smtplib
from datetime import timedelta

from django.db import Error

from apps.sse.databases import is_away

GIVE_UP_AFTER = timedelta(minutes=15)
MAX_PAUSE_SECONDS = 60
# serialization_failure and deadlock_detected: another transaction was in the way.
CONFLICTS = {"40001", "40P01"}
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}


def waits_for(error: BaseException) -> str:
    """Return what has to recover before the task can succeed: "database", "mail server", "server", or ""."""
    if isinstance(error, Error):
        conflict = getattr(error.__cause__, "sqlstate", None) in CONFLICTS
        return "database" if conflict or is_away(error) else ""
    if isinstance(error, smtplib.SMTPException):
        return "mail server" if _is_temporary(error) else ""
    away = isinstance(error, ConnectionError | TimeoutError) or getattr(error, "errno", None) in UNREACHABLE
    return "server" if away else ""


def pause(attempts: int) -> timedelta:
    """Return the time until the next attempt, after this number of failed ones."""
    return timedelta(seconds=min(2 ** (attempts - 1), MAX_PAUSE_SECONDS))


def _is_temporary(error: smtplib.SMTPException) -> bool:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, text in error.recipients.values())
    # A connection that ends before the greeting has the code -1.
    code = getattr(error, "smtp_code", 0)
    return code == -1 or 400 <= code < 500

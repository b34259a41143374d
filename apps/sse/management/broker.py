"""Errors of events and the broker, for management commands."""

import contextlib
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, OutputWrapper

from ..brokers import broker_name
from ..conf import setting


@contextlib.contextmanager
def command_errors(stderr: OutputWrapper) -> Iterator[None]:
    """Raise exceptions as `CommandError`, after a warning if the broker serves a single process."""
    if setting("SSE_BROKER_URL").startswith("memory://"):
        stderr.write(
            "SSE_BROKER_URL is memory://, so this command shares no events with other processes. Set it to "
            "database:// or redis://… for all processes."
        )
    try:
        yield
    except (ImproperlyConfigured, TypeError, ValueError) as error:
        raise CommandError(str(error)) from error
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        raise CommandError(f"The broker {broker_name()} failed: {text}") from error

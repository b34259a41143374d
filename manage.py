#!/usr/bin/env python
"""Django's command-line utility for this project."""

import os
import signal
import sys
from pathlib import Path

from apps.dev import terminal

DEVELOPMENT_COMMANDS = {"dev", "runserver", "startapp"}
# These run in production, too, so they set DEBUG only if nothing is configured.
MIGRATION_COMMANDS = {"makemigrations", "migrate"}
CONFIGURATION = {"SECRET_KEY", "DATABASE_URL"}
# These use several connections to PostgreSQL. The others connect without a pool, which reports a refusal at once.
POOLED_COMMANDS = {"db_worker", "dev", "runserver"}


def main() -> None:
    """Run the command given on the command line; development commands set `DEBUG`."""
    if sys.argv[1:2] == ["db_worker"]:
        # Until the worker has handlers of its own: the second of two quick edits interrupts its start.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")
    if DEVELOPMENT_COMMANDS & set(sys.argv[1:2]):
        os.environ.setdefault("DEBUG", "1")
        terminal.restore_at_exit()
    elif MIGRATION_COMMANDS & set(sys.argv[1:2]) and not is_configured():
        os.environ.setdefault("DEBUG", "1")
    if not POOLED_COMMANDS & set(sys.argv[1:2]):
        os.environ.setdefault("DATABASE_POOL", "0")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError
    except ImportError as error:
        sys.exit(f"Django is not installed for {sys.executable} ({error}). Run: make setup")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        # psycopg's errors have no state where there was no connection.
        if getattr(error.__cause__, "sqlstate", "") is not None:
            raise
        sys.exit(f"The database of DATABASE_URL cannot be reached: {error}")


def is_configured() -> bool:
    """Return whether the environment or a file `.env` configures the project."""
    return bool(CONFIGURATION & os.environ.keys()) or Path(__file__).with_name(".env").exists()


if __name__ == "__main__":
    main()

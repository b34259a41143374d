#!/usr/bin/env python
"""Django's command-line utility for this project."""

import os
import sys

from apps.dev import terminal

DEVELOPMENT_COMMANDS = {"dev", "runserver", "startapp"}


def main() -> None:
    """Run the command given on the command line, in development mode if it is made for that."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")
    if DEVELOPMENT_COMMANDS & set(sys.argv[1:2]):
        os.environ.setdefault("DEBUG", "1")
        terminal.restore_at_exit()
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"Django is not installed for {sys.executable} ({error}). Run: make setup")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

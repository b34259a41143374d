"""Django's own command of this name; its files are formatted as `make check` wants them."""

import importlib.util
import subprocess
import sys

from django.core.management.commands import makemigrations


class Command(makemigrations.Command):
    """Write migrations, and format them with ruff where it is installed."""

    def handle(self, *app_labels, **options):
        super().handle(*app_labels, **options)
        if self.written_files and importlib.util.find_spec("ruff"):
            for command in (["check", "--fix"], ["format"]):
                subprocess.run(
                    [sys.executable, "-m", "ruff", *command, "--quiet", *self.written_files], check=False
                )

"""Injects one fault after another and prints a table: `python -m apps.sse.tests.faults BROKER`."""

import sys

import django

django.setup()

from .trial import main  # noqa: E402

sys.exit(main())

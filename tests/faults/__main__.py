"""Lets each call that can fail do so once, and prints what came of it: `python -m tests.faults BROKER`."""

import sys

import django

django.setup()

from .trial import main  # noqa: E402

sys.exit(main())

"""The site whose servers are replaced."""

from apps.sse.tests.chaos.conftest import sqlite

__all__ = ["sqlite"]

"""The site whose servers are replaced."""

from tests.chaos.conftest import sqlite

__all__ = ["sqlite"]

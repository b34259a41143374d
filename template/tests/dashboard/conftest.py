from apps.dashboard.tests.conftest import clock, nothing_known_yet, row, stored  # noqa: F401

from apps.dashboard.tests.conftest import clock, empty_histories, row, show, stored  # noqa: F401

from apps.dashboard.tests.conftest import clock, empty_histories, row, stored  # noqa: F401

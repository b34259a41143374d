"""The browsers of the other tests."""

from apps.sse.tests.browser.conftest import everyday  # noqa: F401

"""What every test of this project runs with: this project's settings, in development mode."""

import os

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")
os.environ["DEBUG"] = "1"
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
# Playwright's synchronous interface runs a loop in the main thread, beside database fixtures.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


def pytest_configure():
    """Load the settings that are named above, before the tests are collected."""
    django.setup()


@pytest.fixture
def anyio_backend():
    """Run tests marked `anyio` on asyncio."""
    return "asyncio"

"""What every test of this project runs with: this project's settings, in development mode."""

import asyncio
import functools
import inspect
import os
import signal
import ssl
from concurrent.futures import ThreadPoolExecutor

import django
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache
from django.db import connections

pytest_plugins = ["tests.fixtures", "tests.browser.fixtures"]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")
os.environ["DEBUG"] = "1"
# Tests without a database use the cache, too.
os.environ.setdefault("CACHE_URL", "locmemcache://")
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
# Playwright's synchronous interface runs a loop in the main thread, beside database fixtures.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# Each HTTP client would load all root certificates again, which takes longer than its request.
ssl.create_default_context = functools.cache(ssl.create_default_context)


def pytest_configure():
    """Load the settings that are named above, before the tests are collected."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A job in the background: the servers that tests start are to hear Ctrl-C all the same.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    django.setup()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, tmp_path_factory):
    """Keep SQLite's test database in a file, since threads cannot write to one in memory at the same time."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def _events_in_memory(settings):
    settings.SSE_BROKER_URL = "memory://"


@pytest.fixture(autouse=True)
def _nothing_in_the_cache():
    cache.clear()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Leave files with a browser for last: from its first test on a loop seems to run in the thread of tests."""
    files = {item.path for item in items if "playwright" in item.fixturenames}
    items.sort(key=lambda item: (item.path in files, "playwright" in item.fixturenames))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run an `async def` test on a loop in a thread of its own: Playwright's may be running in this one."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _run(pyfuncitem.obj(**arguments))).result()
    return True


async def _run(test):
    try:
        await test
    finally:
        # Those of asgiref's thread, which has no test of its own that would close them.
        await sync_to_async(connections.close_all)()

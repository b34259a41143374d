"""Fixtures of the apps' browser tests."""

from apps.dashboard.tests.test_browser import dashboard  # noqa: F401
from apps.feed.tests.test_browser import reader  # noqa: F401
from apps.notifications.tests.test_browser import cookies, notify, open_tab, python  # noqa: F401
from template.tests.browser.test_guide_pages import ada_session, patience, show  # noqa: F401
from tests.browser.test_header import log_in  # noqa: F401

"""In a browser, too, every text of the site is marked for translation."""

from playwright.sync_api import expect

from template.tests.pseudo_language import Page
from tests import servers
from tests.browser import people
from tests.browser.test_pages import FITS, PRIVATE_PAGES, installed

LOG_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.all().delete()
client = Client(headers={"host": "localhost"})
client.force_login(get_user_model().objects.create_superuser("αδα", "αδα@example.com"))
print(client.cookies["sessionid"].value)
"""


def assert_marked(page):
    shown = Page(page.content())
    assert (shown.unmarked, shown.depth) == ([], 0), page.url


def test_every_text_of_a_script_is_marked_online_and_offline(serve, browser):
    with (
        serve("uvicorn", DJANGO_SETTINGS_MODULE="template.tests.pseudo_language") as server,
        people.browsers(browser, server.url) as open_browser,
    ):
        context = open_browser(viewport={"width": 360, "height": 800}).context
        session = servers.manage("shell", "-v", "0", "-c", LOG_IN, environment=server.environment).split()[-1]
        context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
        for address in installed(PRIVATE_PAGES):
            page = context.new_page()
            page.goto(address)
            assert page.evaluate("() => getComputedStyle(document.body).direction") == "rtl"
            page.wait_for_function("() => !document.querySelector('.sse-connecting')")
            page.wait_for_function(FITS)
            assert_marked(page)
        server.stop()
        for page in context.pages[1:]:
            page.bring_to_front()
            if page.locator("[dj-sse]").count():
                expect(page.locator("#try-again")).to_be_visible()
            page.locator("#theme").click()
            for button in page.locator("main button:enabled:visible").all()[:1]:
                button.click()
                page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
            assert_marked(page)

"""The page Activity with a keyboard, and the pages of the dashboard on paper."""

import pytest
from playwright.sync_api import expect

from tests import servers

SIGN_UP = "from django.contrib.auth import get_user_model; get_user_model().objects.create_user('new')"


@pytest.fixture
def site_with_sign_up(serve):
    with serve("uvicorn") as site:
        servers.manage("shell", "--no-imports", "--command", SIGN_UP, environment=site.environment)
        yield site


def test_a_chart_has_a_name_and_its_table_is_one_tab_stop(site_with_sign_up, page):
    page.goto(f"{site_with_sign_up.url}/dashboard/")
    card = page.get_by_role("region", name="Sign-ups", exact=True)
    expect(card.get_by_role("img", name="Sign-ups, 24 hours; the table below has the numbers")).to_be_visible()
    page.get_by_role("link", name="Download CSV").focus()
    page.keyboard.press("Tab")
    expect(card.locator("summary")).to_have_accessible_description("Sign-ups")
    expect(card.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(card.get_by_role("region", name="Sign-ups, 24 hours")).to_be_focused()


@pytest.mark.parametrize(("path", "heading"), [("/dashboard/", "Sign-ups"), ("/dashboard/system/", "Memory")])
def test_paper_is_white_without_controls_and_with_whole_cards(site, browser, path, heading):
    with browser.new_context(base_url=site.url, color_scheme="dark") as context:
        page = context.new_page()
        page.goto(path)
        page.emulate_media(media="print")
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(page.get_by_role("heading", name=heading)).to_have_css("color", "rgb(0, 0, 0)")
        for control in (page.get_by_role("link"), page.get_by_role("button"), page.get_by_text("Show as table")):
            expect(control.filter(visible=True)).to_have_count(0)
        expect(page.locator(".card").first).to_have_css("break-inside", "avoid")

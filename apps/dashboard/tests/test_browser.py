"""The pages of the dashboard in an open browser."""

import re

import pytest
from playwright.sync_api import expect

from tests import servers

RECORD = """
addEventListener('sse:data', ({detail}) => (window.points ??= []).push(detail.data))
"""
PIXELS = "() => [...document.querySelectorAll('.plot canvas')].map((canvas) => canvas.toDataURL())"


@pytest.fixture(scope="module")
def dashboard(visitor):
    """The live page, open for all tests, with the points that it receives in `window.points`."""
    visitor.add_init_script(RECORD)
    visitor.goto("/dashboard/system/")
    visitor.wait_for_function("() => window.points?.length >= 1")
    return visitor


def next_point(page):
    count = page.evaluate("() => points.length")
    page.wait_for_function("(count) => points.length > count", arg=count)


def test_the_page_updates_without_errors_in_the_console(dashboard):
    expect(dashboard.locator("#dashboard-state")).to_contain_text("Updated")
    before, pictures = dashboard.inner_text("#dashboard-state"), dashboard.evaluate(PIXELS)
    next_point(dashboard)
    assert dashboard.inner_text("#dashboard-state") != before
    assert len(pictures) == 10
    assert dashboard.evaluate(PIXELS) != pictures
    assert dashboard.problems == []


def test_the_page_shows_requests_shortly_after_they_were_made(site, dashboard):
    for _ in range(30):
        dashboard.request.get(f"{site.url}/accounts/login/")
    dashboard.wait_for_function("() => points.reduce((sum, point) => sum + 3 * point.requests, 0) >= 30")
    shown, point = dashboard.evaluate(
        "() => [document.querySelector('[dj-sse-field=requests]').textContent, points.at(-1)]"
    )
    assert float(shown.replace(",", "")) == pytest.approx(point["requests"], abs=0.06)
    assert re.fullmatch(r"[\d,]+\.\d", dashboard.inner_text("[dj-sse-field=median]"))
    assert point["streams"] >= 1


def test_a_paused_page_shows_the_time_of_the_pause_and_resumes_with_all_points(dashboard):
    dashboard.get_by_text("Show as table").click()
    shown = "() => [document.querySelector('.charts').innerText, document.querySelector('tbody').innerText]"
    dashboard.get_by_role("button", name="Pause").focus()
    dashboard.keyboard.press("Enter")
    state, before = dashboard.locator("#dashboard-state"), dashboard.evaluate(shown)
    expect(state).to_have_text(re.compile(r"Paused since \d\d:\d\d:\d\d"))
    since, pictures = state.inner_text(), dashboard.evaluate(PIXELS)
    dashboard.evaluate("() => addEventListener('sse:before', ({detail}) => points.push(detail.data))")
    next_point(dashboard)
    assert (dashboard.evaluate(shown), dashboard.evaluate(PIXELS), state.inner_text()) == (before, pictures, since)
    dashboard.keyboard.press("Enter")
    expect(state).to_contain_text("Updated")
    # The table holds at most 100 points, and more may have arrived.
    assert dashboard.locator("tbody tr").count() >= min(before[1].strip().count("\n") + 2, 100)
    expect(dashboard.get_by_role("button", name="Pause")).to_be_focused()


def test_activity_shows_a_change_within_a_second_and_keeps_its_table_open(site, staff):
    staff.problems.clear()
    staff.goto("/dashboard/")
    card = staff.locator("#accounts-sign-ups")
    card.get_by_text("Show as table").click()
    staff.locator("section", has=card).get_by_text("Newest").click()
    number, hour = (int(card.locator(each).first.inner_text()) for each in ("b", "tbody td"))
    staff.wait_for_function("() => document.querySelector('#live[data-state=connected]')")
    code = "from apps.accounts.models import User; User.objects.create(username='Hopper')"
    servers.manage("shell", "-c", code, environment=site.environment)
    expect(card.locator("b")).to_have_text(str(number + 1), timeout=1000)
    expect(card.locator("tbody td").first).to_have_text(str(hour + 1))
    expect(staff.locator("#accounts-sign-ups-newest li").first).to_contain_text("Hopper")
    expect(card.locator("table")).to_be_visible()
    assert staff.problems == []

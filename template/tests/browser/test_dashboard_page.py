"""The page System with pointer, themes, ranges, widths and reduced motion."""

import contextlib
import json
import sqlite3
import time
from pathlib import Path

from playwright.sync_api import expect

from apps.dashboard.tests.test_browser import PIXELS, RECORD, next_point

FITTED = "() => [...document.querySelectorAll('.plot')].every((p) => p.clientWidth === p.lastChild.clientWidth)"
BOXES = """() => [...document.querySelectorAll('main *:not(.u-hz *, .readout)')].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [element.className, x, y, width, height].join(' ');
})"""


def test_the_pointer_reads_all_charts_at_one_time_and_moves_nothing(dashboard):
    for width in (320, 1440):
        dashboard.mouse.move(0, 0)
        dashboard.set_viewport_size({"width": width, "height": 900})
        dashboard.wait_for_function(FITTED)
        before = dashboard.evaluate(BOXES)
        plot = dashboard.locator(".u-over").first.bounding_box()
        dashboard.mouse.move(plot["x"] + plot["width"] - 1, plot["y"] + plot["height"] / 2)
        expect(dashboard.locator(".readout").first).to_contain_text("/s")
        assert dashboard.evaluate(BOXES) == before
        times = {text.split(" · ")[0] for text in dashboard.locator(".readout").all_inner_texts()}
        assert len(times) == 1
    dashboard.mouse.move(0, 0)
    expect(dashboard.locator(".readout").first).to_be_empty()


def test_the_table_has_the_newest_numbers_first_and_keeps_updating(dashboard):
    rows = dashboard.locator("#dashboard-table tbody tr")
    expect(rows).to_have_count(0)
    dashboard.get_by_text("Show as table").click()
    expect(rows.first).to_be_visible()
    newest = rows.first.inner_text()
    next_point(dashboard)
    assert newest in rows.all_inner_texts()[1:]
    assert dashboard.evaluate(
        "() => document.querySelector('tbody td').textContent === document.querySelector('.chart b').textContent"
    )


def test_outdated_numbers_are_grey_and_show_their_time(dashboard):
    figure, state = dashboard.locator(".stat-value").first, dashboard.locator("#dashboard-state")
    colour = figure.evaluate("(element) => getComputedStyle(element).color")
    dashboard.evaluate("() => dashboard._djustSSE.disconnect()")
    expect(state).to_contain_text("Offline. Numbers from")
    expect(figure).not_to_have_css("color", colour)
    seen = dashboard.evaluate("() => points.at(-1).time")
    dashboard.wait_for_function("(seen) => Date.now() / 1000 > seen + 12", arg=seen)
    dashboard.evaluate("() => dashboard._djustSSE.connect()")
    expect(state).to_contain_text("Updated")
    next_point(dashboard)
    times = dashboard.evaluate("() => points.map((point) => point.time)")
    assert times == list(range(times[0], times[-1] + 3, 3)), f"no gap after {seen}"
    expect(figure).to_have_css("color", colour)


def test_an_hour_shows_its_stored_points_and_current_numbers(site, page):
    page.add_init_script(RECORD)
    page.goto(f"{site.url}/dashboard/system/")
    now = int(time.time()) // 30 * 30
    with (
        contextlib.closing(sqlite3.connect(Path(site.environment["DATA_DIR"], "db.sqlite3"))) as database,
        database,
    ):
        for bucket in (now - 600, now - 1200):
            row = (bucket, json.dumps({"time": bucket, "requests": 1234.5}))
            database.execute("INSERT INTO dashboard_summary (step, bucket, point) VALUES (30, ?, ?)", row)
    page.get_by_role("link", name="1 hour").click()
    page.get_by_text("Show as table").click()
    expect(page.locator("tbody tr", has_text="1,234.5")).to_have_count(2)
    page.wait_for_function("() => window.points?.length")
    assert "1,234.5" not in page.inner_text(".chart.is-wide")
    expect(page.locator("#dashboard-state")).to_contain_text("Updated")


def test_charts_are_drawn_again_when_the_theme_changes(dashboard):
    light = dashboard.evaluate(PIXELS)
    dashboard.evaluate("() => { document.documentElement.dataset.theme = 'dark' }")
    dashboard.wait_for_function(f"(light) => ({PIXELS})()[0] !== light[0]", arg=light, timeout=1500)


def test_numbers_of_any_size_fit_the_narrowest_phone(dashboard):
    dashboard.set_viewport_size({"width": 320, "height": 800})
    dashboard.evaluate(
        "() => document.querySelectorAll('.stat-value b').forEach((b) => { b.textContent = '123,456.7' })"
    )
    # Charts get their new width in the next frame.
    dashboard.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_animated_with_reduced_motion(site, page):
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{site.url}/dashboard/system/")
    page.evaluate("() => document.querySelector('.stat-value b').classList.add('is-fresh')")
    assert page.evaluate("() => document.getAnimations().length") == 0

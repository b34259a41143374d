"""The pictures in the README: the dashboard of a busy server, light and dark."""

import itertools
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from apps.sse.tests.servers.streaming import Reader

MINUTES = 5.2
PAGES = itertools.cycle(["/accounts/login/", "/dashboard/", "/accounts/signup/", "/nowhere/"])


def use(client, seconds):
    """Request pages at a varying rate for `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.get(next(PAGES))
        time.sleep(0.08 + 0.06 * math.sin(time.monotonic() / 25))


def logged_in(stack, url, username):
    """Return the session cookie of a demo user."""
    client = stack.enter_context(httpx.Client(base_url=url, follow_redirects=True))
    client.get("/accounts/login/")
    form = {"login": username, "password": "demo", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    client.post("/accounts/login/", data=form)
    return {"Cookie": f"sessionid={client.cookies['sessionid']}"}


@pytest.mark.soak
def test_the_readmes_pictures_show_a_busy_dashboard(serve, browser, tmp_path):
    folder = Path(os.environ.get("PICTURES", tmp_path))
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        server = stack.enter_context(serve("uvicorn with two workers"))
        client = stack.enter_context(httpx.Client(base_url=server.url))
        busy = pool.submit(use, client, MINUTES * 60)
        readers = []
        for username in ("ada", "grace", "admin"):
            cookie = logged_in(stack, server.url, username)
            readers.append(Reader(stack, server.url, "/api/dashboard/stream/", **cookie))
            time.sleep(MINUTES * 15)
        for theme in ("light", "dark"):
            context = browser.new_context(
                color_scheme=theme, viewport={"width": 1280, "height": 1000}, locale="en-GB"
            )
            page = stack.enter_context(context).new_page()
            page.goto(f"{server.url}/dashboard/system/")
            expect(page.locator("#live")).to_contain_text("Live")
            page.mouse.move(0, 0)
            page.screenshot(path=folder / f"dashboard-{theme}.png")
            assert (folder / f"dashboard-{theme}.png").stat().st_size > 30_000
        busy.result()

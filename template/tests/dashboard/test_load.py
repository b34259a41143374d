"""
The page Activity under load: its time, the queries of its viewers, and the time until they see a row.

`LOAD_ROWS=1000000 LOAD_SECONDS=60 .venv/bin/python -m pytest -n0 -s -m soak FILE` prints the figures of a large
table, on SQLite and on PostgreSQL.
"""

import json
import os
import re
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median, quantiles

import httpx
import pytest
from httpx_sse import connect_sse

from template.tests.test_production import PRODUCTION
from tests import servers

ROWS, SECONDS = int(os.environ.get("LOAD_ROWS", 100_000)), int(os.environ.get("LOAD_SECONDS", 10))
PER_SECOND, PAGES_PER_SECOND, VIEWERS = 20, 5, 10
PAGE, STREAM = "/dashboard/?range=month", "/api/dashboard/activity/stream/?range=month"
VALUE = re.compile(r"<b>([\d,]+)</b>")
FILL = f"""
from django.contrib.auth import get_user_model
from django.test import Client
from apps.dashboard.rollups import roll_up
from template.tests.dashboard.test_figures import fill
fill({ROWS})
roll_up.call()
client = Client()
client.force_login(get_user_model().objects.create_superuser("staff"))
print(client.cookies["sessionid"].value)
"""
ADD = f"""
import time
from apps.feed.models import Post
author = Post.objects.first().author
start = time.time()
for number in range({PER_SECOND * SECONDS}):
    time.sleep(max(0, start + number / {PER_SECOND} - time.time()))
    Post.objects.create(author=author, text="load")
    print(time.time())
"""
QUERIES = """
from apps.sse import processes
print(sum(row.data["counts"]["queries"] for row in processes.rows() if row.kind == "web"))
"""


class Site:
    """The site under gunicorn with its own settings, and clients with a session of a superuser."""

    def __init__(self, server):
        self.url, self.environment = server.url, server.environment

    def shell(self, code):
        return servers.manage("shell", "--no-imports", "-c", code, environment=self.environment).split()

    def queries(self):
        """Return the queries of all web processes so far, which they write every three seconds."""
        time.sleep(4)
        return int(self.shell(QUERIES)[-1])

    def client(self, cookie):
        return httpx.Client(base_url=self.url, cookies={"sessionid": cookie}, timeout=60)

    def view(self, cookie, last):
        """Return the posts that a viewer sees, with the times at which they arrive."""
        seen = []
        with self.client(cookie) as client, connect_sse(client, "GET", STREAM) as source:
            for event in source.iter_sse():
                data = json.loads(event.data or "{}")
                if data.get("target") != "#feed-posts":
                    continue
                seen.append((int(VALUE.search(data["html"])[1].replace(",", "")), time.time()))
                if seen[-1][0] >= last:
                    return seen

    def load_pages(self, cookie):
        """Request the page at a steady rate and return the response times in milliseconds."""
        took, start = [], time.monotonic()
        with self.client(cookie) as client:
            for number in range(PAGES_PER_SECOND * SECONDS):
                time.sleep(max(0, start + number / PAGES_PER_SECOND - time.monotonic()))
                before = time.perf_counter()
                assert client.get(PAGE).status_code == 200
                took.append(1000 * (time.perf_counter() - before))
        return took


def posts_of(page):
    return int(VALUE.search(page.partition('id="feed-posts"')[2])[1].replace(",", ""))


def run(site, cookie, viewers):
    """Add rows while some viewers watch; return the queries, the times of the page, and the delays of all rows."""
    with site.client(cookie) as client:
        first = posts_of(client.get(PAGE).text)
    last, before = first + PER_SECOND * SECONDS, site.queries()
    with ThreadPoolExecutor(viewers + 1) as pool:
        watching = [pool.submit(site.view, cookie, last) for _ in range(viewers)]
        time.sleep(1)
        pages = pool.submit(site.load_pages, cookie)
        added = [float(each) for each in site.shell(ADD)]
        seen = [each.result(timeout=30) for each in watching]
        took = pages.result()
    delays = []
    for values in seen:
        numbers = [number for number, _ in values]
        assert numbers == sorted(numbers)
        delays += [values[bisect_left(numbers, first + n)][1] - at for n, at in enumerate(added, 1)]
    return site.queries() - before, took, delays


@pytest.mark.soak
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_ten_viewers_of_a_busy_site_see_each_row_without_queries_of_their_own(
    database, request, tmp_path, monkeypatch
):
    more = PRODUCTION | {"WEB_CONCURRENCY": "1"}
    if database == "postgresql":
        more["DATABASE_URL"] = request.getfixturevalue("postgres").url
    environment = servers.environment_for(tmp_path, **more)
    for command in (["migrate", "--verbosity=0"], ["collectstatic", "--noinput", "--verbosity=0"]):
        servers.manage(*command, environment=environment)
    monkeypatch.setitem(servers.COMMANDS, "gunicorn", "gunicorn --bind {host}:{port}")
    with ExitStack() as stack:
        server = stack.enter_context(servers.serving("gunicorn", tmp_path, **more))
        stack.enter_context(servers.task_worker(server.environment))
        site = Site(server)
        cookie = site.shell(FILL)[-1]
        one, _, _ = run(site, cookie, 1)
        ten, took, delays = run(site, cookie, VIEWERS)
    slowest = quantiles(took, n=100)[98]
    figures = {
        "database": database,
        "rows": ROWS,
        "seconds": SECONDS,
        "queries of one viewer": one,
        "queries of ten": ten,
        "page, median ms": round(median(took), 1),
        "page, 99th ms": round(slowest, 1),
        "seen after, median s": round(median(delays), 2),
        "seen after, at most s": round(max(delays), 2),
    }
    print(json.dumps(figures, indent=1))
    assert ten < 1.2 * one + 20
    assert slowest < 200
    assert max(delays) < 3

"""The page System before any script runs."""

import re

from apps.dashboard.tests.conftest import NOW
from apps.dashboard.tests.test_views import PAGE, STREAM, visitor  # noqa: F401


def test_only_charts_of_two_series_have_a_visible_legend(client, db):
    page = client.get("/dashboard/system/").text
    legends = re.findall(r'<dt class="stat-label([^"]*)">.*?</i> ([^<]+)</dt>', page)
    shown = [label for hidden, label in legends if not hidden]
    assert shown == [
        "answered",
        "server errors",
        "median",
        "95th percentile",
        "users",
        "guests",
        "waiting",
        "running",
    ]


def test_an_unknown_response_time_is_a_dash_with_a_note(visitor, clock, stored):
    stored(median=None)
    page = visitor().get(PAGE).text
    assert '<b dj-sse-field="median">–</b>' in page
    assert "No requests in the last minute.</p>" in page


def test_a_page_without_points_announces_the_first_ones(visitor, clock):
    page = visitor().get(PAGE).text
    assert "The first numbers arrive in a few seconds." in page
    assert '<b dj-sse-field="requests">–</b>' in page
    assert "dj-sse-since" not in page


def test_the_page_needs_one_query(visitor, settings, stored, django_assert_num_queries):
    settings.DASHBOARD_PUBLIC = True
    with django_assert_num_queries(1):
        visitor().get(PAGE)


def test_a_longer_range_continues_after_its_points_and_shows_current_numbers(visitor, clock, stored):
    now = stored(requests=3)
    older = stored(step=600, age=NOW - (NOW // 600 * 600 - 1200))
    page = visitor().get(PAGE, {"range": "day"}).text
    assert f'dj-sse-since="{now.bucket}"' in page
    assert f'dj-sse="{STREAM}?range=day" dj-sse-since="{older.bucket}"' in page

"""The page System before any script runs."""

import re

import pytest

from apps.dashboard.tests.test_views import PAGE, STREAM

from .conftest import NOW

pytestmark = pytest.mark.django_db


def test_only_charts_of_two_series_have_a_visible_legend(client):
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


def test_an_unknown_response_time_is_a_dash_with_a_note(client, clock, stored):
    stored(median=None)
    page = client.get(PAGE).text
    assert '<b dj-sse-field="median">–</b>' in page
    assert "No requests in the last minute.</p>" in page


def test_a_page_without_points_announces_the_first_ones(client, clock):
    page = client.get(PAGE).text
    assert "The first numbers arrive in a few seconds." in page
    assert '<b dj-sse-field="requests">–</b>' in page
    assert "dj-sse-since" not in page


def test_the_page_needs_one_query(client, settings, stored, django_assert_num_queries):
    settings.DASHBOARD_PUBLIC = True
    with django_assert_num_queries(1):
        client.get(PAGE)


def test_a_longer_range_continues_after_its_points_and_shows_current_numbers(client, clock, stored):
    now = stored(requests=3)
    older = stored(step=600, age=NOW - (NOW // 600 * 600 - 1200))
    page = client.get(PAGE, {"range": "day"}).text
    assert f'dj-sse-since="{now.bucket}"' in page
    assert f'dj-sse="{STREAM}?range=day" dj-sse-since="{older.bucket}"' in page


def test_the_page_has_numbers_before_any_script_runs(client, clock, stored):
    stored(requests=12.33, memory=210 * 1024 * 1024)
    page = client.get(PAGE).text
    assert '<b dj-sse-field="requests">12.3</b>' in page
    assert '<b dj-sse-field="memory">210</b>' in page


def test_the_stream_continues_where_the_page_ends(client, clock, stored):
    newest = stored()
    assert f'dj-sse-since="{newest.bucket}"' in client.get(PAGE).text

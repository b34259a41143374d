"""The page System before any script runs."""

import re


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

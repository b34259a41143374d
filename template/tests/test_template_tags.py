"""The site's own template tags and filters."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.template import Engine
from django.template.library import import_library
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import strip_tags

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=3), "3\xa0minutes ago"),
        (timedelta(hours=23, minutes=59), "23\xa0hours ago"),
        (timedelta(days=1), "March 13, 2026"),
        (timedelta(days=-2), "March 16, 2026"),
    ],
)
def test_a_time_is_an_age_up_to_a_day_and_then_a_date_and_in_full_on_hover(monkeypatch, age, words):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    monkeypatch.setattr("django.contrib.humanize.templatetags.humanize.datetime", Frozen)
    html = render_to_string("time.html", {"at": NOW - age}).strip()
    assert html.endswith(f">{words}</time>")
    assert f'datetime="{(NOW - age).isoformat()}"' in html
    assert "UTC" in html.partition('title="')[2].partition('"')[0]


class Frozen(datetime):
    """A clock that always shows `NOW`."""

    @classmethod
    def now(cls, tz=None):
        return NOW


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("views.py", 'class View:\n    at = "<b>"\n', '<span class="is-string">&lt;b&gt;</span>'),
        ("page.html", '<p dj-sse="/x/">a &amp; b</p>\n', '<span class="is-attribute">dj-sse'),
        ("page.js", "// Why\nconst a = 1;\n", '<span class="is-comment">// Why'),
    ],
)
def test_source_is_coloured_by_classes_and_otherwise_unchanged(name, text, part):
    html = import_library(Engine.get_default().libraries["site"]).filters["coloured"](text, name)
    assert part in html
    assert unescape(strip_tags(html)).strip() == text.strip()

"""What the guide shows of the project's sources, and what it never shows."""

from pathlib import Path

import pytest
from django.apps import apps

from apps.guide import sources
from apps.guide.contents import PAGES
from apps.guide.sources import read


def test_a_file_is_shown_as_it_is_now_under_the_name_by_which_it_is_found():
    shown = read("guide/examples/mount.py")
    assert shown.path == "apps/guide/examples/mount.py"
    assert shown.text == Path(apps.get_app_config("guide").path, "examples/mount.py").read_text()


def test_of_a_file_one_class_or_function_is_shown_with_its_decorators():
    shown = read("guide/examples/channel.py:say")
    assert (shown.path, shown.part) == ("apps/guide/examples/channel.py", "say")
    assert shown.text.startswith("@login_required\n@require_POST\n@rate_limited\ndef say(request):\n")
    assert shown.text.endswith("return HttpResponse(status=204)\n")


@pytest.mark.parametrize(
    "path", ["../../manage.py", "../sse/views.py", "/etc/passwd", "README.md", "static/guide", ".env"]
)
def test_what_is_outside_of_the_app_or_no_source_is_refused(path):
    with pytest.raises(ValueError, match="may be shown"):
        read(f"guide/{path}")


def test_a_link_that_leads_out_of_the_app_is_refused(tmp_path, monkeypatch):
    (tmp_path / "secret.py").write_text("SECRET = 1")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    monkeypatch.setattr(apps.get_app_config("guide"), "path", str(folder))
    with pytest.raises(ValueError, match="may be shown"):
        read("guide/link.py")


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        read("guide/views.py")


@pytest.mark.parametrize(
    "source",
    ["taken_out/views.py", "guide/examples/none.py", "guide/views.py:None_"],
)
def test_what_is_not_there_is_left_out(source):
    assert read(source) is None


@pytest.mark.parametrize("name", PAGES)
def test_everything_that_a_page_promises_to_show_is_there(name):
    page = PAGES[name]
    missing = [each for each in (*page.also, *page.more) if has_app(each) and not read(each)]
    assert missing == []
    assert not page.copy or len(page.own_sources()) >= 2
    assert all(read(f"guide/static/guide/{script}.js") for script in page.scripts)


def has_app(name):
    return apps.is_installed(f"apps.{name.partition('/')[0]}")

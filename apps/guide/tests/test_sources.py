"""What the guide shows of the project's sources, and what it never shows."""

from pathlib import Path

import pytest
from django.apps import apps

from apps.guide import sources
from apps.guide.contents import EXAMPLES
from apps.guide.sources import Source, read


def test_a_file_is_shown_as_it_is_now_under_the_name_by_which_it_is_found():
    shown = read(Source("guide", "examples/retry.py"))
    assert shown.name == "apps/guide/examples/retry.py"
    assert shown.text == Path(apps.get_app_config("guide").path, "examples/retry.py").read_text()


def test_of_a_file_one_class_or_function_is_shown_with_its_decorators():
    shown = read(Source("guide", "examples/channel.py", "say"))
    assert shown.name == "apps/guide/examples/channel.py: say"
    assert shown.text.startswith("@login_required\n@require_POST\n@rate_limited\ndef say(request):\n")
    assert shown.text.endswith("return HttpResponse(status=204)\n")


@pytest.mark.parametrize(
    "path", ["../../manage.py", "../sse/views.py", "/etc/passwd", "README.md", "static/guide", ".env"]
)
def test_what_is_outside_of_the_app_or_no_source_is_refused(path):
    with pytest.raises(ValueError, match="not among the sources"):
        read(Source("guide", path))


def test_a_link_that_leads_out_of_the_app_is_refused(tmp_path, monkeypatch):
    (tmp_path / "secret.py").write_text("SECRET = 1")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    monkeypatch.setattr(apps.get_app_config("guide"), "path", str(folder))
    with pytest.raises(ValueError, match="not among the sources"):
        read(Source("guide", "link.py"))


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        read(Source("guide", "views.py"))


@pytest.mark.parametrize(
    "source",
    [Source("taken_out", "views.py"), Source("guide", "examples/none.py"), Source("guide", "views.py", "None_")],
)
def test_what_is_not_there_is_left_out(source):
    assert read(source) is None


@pytest.mark.parametrize("name", EXAMPLES)
def test_everything_that_a_page_promises_to_show_is_there(name):
    example = EXAMPLES[name]
    missing = [s for s in (*example.also, *example.more) if apps.is_installed(f"apps.{s.app}") and not read(s)]
    assert missing == []
    assert len(example.shown()) >= 2
    assert all(Path(apps.get_app_config("guide").path, f"static/guide/{s}.js").is_file() for s in example.scripts)

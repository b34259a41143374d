"""The READMEs are true: tests run each command and the Python code, and each link leads to a file."""

import re
import unittest
from contextlib import aclosing
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory, override_settings
from django.urls import path

from apps.sse import SSEView
from apps.sse.testing import Refused, StreamClient
from template.build import exported_files
from tests import servers
from tests.browser import people
from tests.servers import ROOT

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "apps" / "sse" / "README.md").read_text()
RUN_BY_TESTS = {
    "make template": "test_template.built_zip",
    ".venv/bin/django-admin startproject --template dist/project_template.zip mysite ../mysite": "test_template.start_project",
    "make run": "test_template.serve_and_listen",
    ".venv/bin/python manage.py startapp wall --live": "test_startapp",
    "make test": "test_template.test_a_generated_project_passes_make_check_and_its_tests",
}
LINK = re.compile(r'(?:\]\(|src="|srcset=")(?!https?:)([^)#"\s]*)(?:#([\w-]+))?[)"]')
PATH = re.compile(r"`([\w.-]+/[\w./-]+|[\w-]+\.md)`")


def test_each_shell_command_is_run_by_a_test():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert {line for block in blocks for line in block.splitlines()} == set(RUN_BY_TESTS)


def test_each_make_target_exists():
    makefile = (ROOT / "Makefile").read_text() + (ROOT / "template" / "template.mk").read_text()
    for target in re.findall(r"`make ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_each_folder_exists():
    tree = README.split("## Where things are\n\n```")[1].split("```")[0]
    for line in tree.strip().splitlines():
        for name in re.findall(r"^\S+|(?<=  )\S+/(?=  )", line):
            assert [*ROOT.glob(name)], name


def headings(text):
    return {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)", text, re.M)
    }


def test_links_in_a_project_lead_to_files_that_it_has():
    files = exported_files()
    pages = {name: (ROOT / name).read_text() for name in files if name.endswith(".md")}
    folders = {parent for name in files for parent in (ROOT / name).parents}
    for name, text in pages.items():
        folder = (ROOT / name).parent
        for target, heading in LINK.findall(text):
            led = (folder / target).resolve() if target else ROOT / name
            assert led.relative_to(ROOT).as_posix() in files, (name, target)
            assert not heading or heading in headings(pages[led.relative_to(ROOT).as_posix()]), (name, heading)
        for named in PATH.findall(text):
            only_here = (ROOT / named).exists() and named not in files and ROOT / named not in folders
            assert not only_here or (folder / named).exists(), (name, named)


def test_links_of_the_pages_that_stay_here_lead_to_files():
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/decisions.md"):
        for target, _ in LINK.findall((ROOT / name).read_text()):
            assert ((ROOT / name).parent / target).exists(), (name, target)


def test_each_fixture_and_helper_exists():
    rows = README.split("| fixture or helper |")[1].split("\n\n")[0]
    names = re.findall(r"^\| `([\w.]+)", rows, re.MULTILINE)
    fixtures = "".join(file.read_text() for file in (ROOT / "tests").glob("**/fixtures.py"))
    helpers = {"people": people, "servers": servers}
    assert len(names) == 7
    for name in names:
        module, _, function = name.rpartition(".")
        assert hasattr(helpers[module], function) if module else f"\ndef {name}(" in fixtures, name


def code_with(words, text=REFERENCE):
    """Return the Python example that contains some words."""
    [code] = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if words in code]
    return code


async def test_the_first_code_of_the_readme_streams():
    names = {}
    exec(code_with("class ClockStream", README), names)
    async with aclosing(names["ClockStream"]().stream(None)) as stream:
        first = await anext(stream)
    assert re.search(r'event: time\nid: 1\ndata: {"now":"[0-9:]{8}"}', first)


def test_the_references_patch_operations_are_valid():
    names = {}
    exec(code_with("operations ="), names)
    assert SSEView().push_patch(names["operations"]).count('"op"') == 3


def test_the_references_tables_match_the_views_attributes_and_methods():
    attributes, methods = REFERENCE.split("## Streams")[1].split("## Channels")[0].split("| method |")
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|", attributes, re.MULTILINE)
    shown = [pair for names, values in rows for pair in zip(code(names), code(values), strict=True)]
    assert len(shown) == 10
    assert [(name, repr(getattr(SSEView, name)).replace("'", '"')) for name, _ in shown[:2]] == shown[:2]
    assert [name for name, value in shown[3:] if repr(getattr(SSEView, name)) != value] == []
    named = re.findall(r"`(\w+)", "".join(re.findall(r"^\| (`.*?) \|", methods, re.MULTILINE)))
    assert [name for name in named if not hasattr(SSEView, name)] == []


def code(cell):
    """Return the code spans of a table cell."""
    return re.findall(r"`(.*?)`", cell)


@pytest.mark.django_db(transaction=True)
def test_the_references_ids_continue_after_the_clients_last_one():
    names = {}
    exec(code_with("class CountStream"), names)
    with override_settings(ROOT_URLCONF=(path("count/", names["CountStream"].as_view()),)):
        for sent, expected in (
            ("8", ["count 9 (id 9)", "count 10 (id 10)"]),
            ("evt-42", ["sse:reset", "count 1 (id 1)"]),
        ):
            with StreamClient().open("/count/", last_event_id=sent) as stream:
                received = [str(event) for event in stream.rest()]
            assert all(text.startswith(begin) for text, begin in zip(received, expected, strict=False)), received


@pytest.mark.django_db(transaction=True)
def test_the_references_event_reaches_only_the_buyer():
    names = {}
    exec(code_with("class OrderStream"), names)
    ada, grace = (get_user_model().objects.create_user(name) for name in ("ada", "grace"))
    order = mock.Mock(pk=7, buyer_id=ada.pk)
    with override_settings(ROOT_URLCONF=(path("orders/", names["OrderStream"].as_view()),)):
        with (
            StreamClient().open("/orders/", user=ada) as hers,
            StreamClient().open("/orders/", user=grace) as other,
        ):
            names["ship"](order)
            hers.assert_event("shipped", {"order": 7})
            other.assert_no_event()
        with pytest.raises(Refused):
            StreamClient().open("/orders/").__enter__()
    order.ship.assert_called_once_with()


@pytest.mark.django_db(transaction=True)
def test_the_references_test_passes():
    names = {"Post": get_user_model()}
    exec(code_with("class FeedPage"), names)
    exec(code_with("class FeedTests"), names)
    assert names["FeedPage"].as_view()(RequestFactory().get("/")).status_code == 200
    result = unittest.TestResult()
    with override_settings(ROOT_URLCONF=(path("api/feed/stream/", names["FeedStream"].as_view()),)):
        unittest.defaultTestLoader.loadTestsFromTestCase(names["FeedTests"]).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])

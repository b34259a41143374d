"""Each command of the README is one that a test runs, and its Python is what runs."""

import re
import unittest
from contextlib import aclosing
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory, override_settings
from django.urls import path

from apps.dev.management.commands.startapp import rendered
from apps.sse.testing import Refused, StreamClient
from tests import servers
from tests.browser import people
from tests.servers import ROOT

README = (ROOT / "README.md").read_text()
RUN_BY_TESTS = {
    "make template": "test_template.built_zip",
    ".venv/bin/django-admin startproject --template dist/project_template.zip mysite": "test_template.start_project",
    "make run": "test_template.serve_and_listen",
    ".venv/bin/python manage.py startapp wall --live": "test_startapp",
    "make test": "test_template.test_a_generated_project_is_in_order_and_its_tests_pass",
}


def test_each_shell_command_is_run_by_a_test():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert {line for block in blocks for line in block.splitlines()} == set(RUN_BY_TESTS)


def test_each_make_target_of_the_readme_is_there():
    makefile = (ROOT / "Makefile").read_text() + (ROOT / "template" / "template.mk").read_text()
    for target in re.findall(r"`make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_each_folder_of_the_readme_is_there():
    tree = README.split("## What is where\n\n```")[1].split("```")[0]
    for line in tree.strip().splitlines():
        for name in re.findall(r"^\S+|(?<=  )\S+/(?=  )", line):
            assert (ROOT / name).exists(), name


def test_the_list_of_the_readme_is_what_startapp_makes():
    block = re.compile(r"^`(apps/wall/\S+)`.*\n(?:.+\n)*\n```\w+\n((?:.*\n)*?)```", re.MULTILINE)
    shown = block.findall(README)
    made = {file.relative_to(ROOT).as_posix(): text for file, text in rendered("wall", "live").items()}
    assert len(shown) == 9
    assert [path for path, text in shown if made[path] != text] == []


def test_each_fixture_and_helper_of_the_readme_is_there():
    rows = README.split("| fixture or helper |")[1].split("\n\n")[0]
    names = re.findall(r"^\| `([\w.]+)", rows, re.MULTILINE)
    fixtures = "".join((ROOT / "tests" / file).read_text() for file in ("fixtures.py", "browser/fixtures.py"))
    helpers = {"people": people, "servers": servers}
    assert len(names) == 7
    for name in names:
        module, _, function = name.rpartition(".")
        assert hasattr(helpers[module], function) if module else f"\ndef {name}(" in fixtures, name


def code_with(words):
    """Return the Python of the README that holds some words."""
    [code] = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if words in code]
    return code


async def first_event(view):
    async with aclosing(view().stream(None)) as stream:
        return await anext(stream)


async def test_the_first_code_of_the_readme_streams():
    names = {}
    exec(code_with("class ClockStream"), names)
    assert re.search(r'event: time\nid: 1\ndata: {"now":"[0-9:]{8}"}', await first_event(names["ClockStream"]))


async def test_the_shared_code_of_the_readme_streams():
    async def read_prices():
        return 42

    names = {"read_prices": read_prices}
    exec(code_with("class PriceStream"), names)
    assert "event: price\nid: 1\ndata: 42" in await first_event(names["PriceStream"])


@pytest.mark.django_db(transaction=True)
def test_the_ids_of_the_readme_go_on_after_the_clients_last_one():
    names = {}
    exec(code_with("class CountStream"), names)
    with override_settings(ROOT_URLCONF=(path("count/", names["CountStream"].as_view()),)):
        for sent, expected in (
            ("8", ["count 9 (id 9)", "count 10 (id 10)"]),
            ("evt-42", ["sse:reset", "count 1 (id 1)"]),
        ):
            with StreamClient().open("/count/", last_event_id=sent) as stream:
                heard = [str(event) for event in stream.rest()]
            assert all(text.startswith(begin) for text, begin in zip(heard, expected, strict=False)), heard


@pytest.mark.django_db(transaction=True)
def test_what_the_readme_publishes_is_heard_by_whom_it_concerns_and_by_nobody_else():
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
def test_the_test_of_the_readme_passes_with_the_live_page_of_the_readme():
    names = {"Post": get_user_model()}
    exec(code_with("class FeedPage"), names)
    exec(code_with("class FeedTests"), names)
    assert names["FeedPage"].as_view()(RequestFactory().get("/")).status_code == 200
    result = unittest.TestResult()
    with override_settings(ROOT_URLCONF=(path("api/feed/stream/", names["FeedStream"].as_view()),)):
        unittest.defaultTestLoader.loadTestsFromTestCase(names["FeedTests"]).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])

"""The guide's other examples, in a browser."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from template.tests.browser.test_guide_pages import connected
from tests import servers
from tests.browser import people

# Places two orders of ada and ships the first, in each of 60 transactions.
BURST = """
import time
from django.db import transaction
from apps.accounts.models import User
from apps.guide.examples import live_list
from apps.guide.models import Order
from apps.sse import publish
ada = User.objects.get(username="ada")
for number in range(60):
    with transaction.atomic():
        live_list.place_and_ship(Order(user=ada))
        live_list.place(Order(user=ada))
        publish(live_list.channel(ada), "open", number + 1)
    time.sleep(0.02)
"""


def test_a_script_connects_and_disconnects_a_stream(show):
    page = show("script")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("[data-log]")).to_contain_text("stats {")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("[data-state]")).to_have_text("disconnected")
    expect(page.locator("[data-stats]")).to_contain_text("events")
    assert page.problems == []


def test_mount_refuses_a_visitor_and_counts_for_a_user(show, ada_session):
    visitor, user = show("mount"), show("mount", ada_session)
    for page in (visitor, user):
        page.get_by_role("button", name="Connect", exact=True).click()
    expect(visitor.locator("[data-log]")).to_contain_text('disconnected {"reason":"forbidden"}')
    expect(user.locator("[data-log]")).to_contain_text('start {"for":"ada"}')
    expect(user.locator("[data-log]")).to_contain_text('disconnected {"reason":"finished"}')


def test_the_raw_stream_is_shown(show):
    page = show("events")
    page.get_by_role("button", name="Connect", exact=True).click()
    wire = page.locator("[data-log]")
    expect(wire).to_contain_text("Content-Type: text/event-stream")
    expect(wire).to_contain_text("event: note\nid: 77\n")
    expect(wire).to_contain_text("event: sse:end")
    expect(page.locator("[data-state]")).to_have_text("finished")


def test_a_reconnecting_client_gets_what_it_missed(show):
    page = show("resume")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("[data-log]")).to_contain_text('"missed":false')
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("[data-state]")).to_have_text("disconnected")
    left = page.evaluate("() => Math.floor(Date.now() / 1000)")
    page.wait_for_function("(left) => Date.now() / 1000 > left + 2", arg=left)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("[data-log]")).to_contain_text('"missed":true')
    printed = re.findall(r'"second":(\d+)', page.inner_text("[data-log]"))
    seconds = sorted(map(int, printed))
    assert seconds == list(range(seconds[0], seconds[-1] + 1))


def test_page_changes_and_progress_run_to_completion(show):
    changes, progress = show("page-changes"), show("progress")
    expect(changes.locator("#guide-status")).to_have_text("All five parts finished")
    expect(changes.locator("#guide-parts li")).to_have_count(5)
    expect(progress.locator("[dj-sse-field=result]")).to_have_text("84 rows imported")
    assert progress.eval_on_selector("progress", "(element) => element.value") == 100
    changes.get_by_role("button", name="Redirect this page").click()
    changes.wait_for_url("**/guide/quick-start/")
    assert changes.problems == progress.problems == []


def test_a_new_client_gets_the_latest_colour(show, ada_session):
    user = connected(show("latest", ada_session))
    for colour in ("Red", "Amber"):
        user.get_by_role("button", name=colour).click()
        expect(user.locator("[dj-sse-field=colour]")).to_have_text(colour.lower())
    expect(show("latest").locator("[dj-sse-field=colour]")).to_have_text("amber")


def test_a_notification_that_is_read_in_one_tab_is_read_in_the_other(show, ada_session):
    one, other = connected(show("notifications", ada_session)), connected(show("notifications", ada_session))
    one.get_by_role("button", name="Remind me").click()
    for page in (one, other):
        expect(page.locator("#guide-notifications li")).to_have_count(1)
    other.get_by_role("button", name="Mark read").click()
    for page in (one, other):
        expect(page.locator("#guide-notifications li")).to_contain_text("read")
        expect(page.locator("#guide-notifications button")).to_have_count(0)
    assert one.problems == other.problems == []


def test_two_tabs_of_a_session_have_one_stream(show):
    one = show("tabs")
    other = one.context.new_page()
    other.goto("/guide/tabs/")
    name = one.locator("[dj-sse-field=name]")
    expect(name).not_to_have_text("–")
    expect(other.locator("[dj-sse-field=name]")).to_have_text(name.inner_text())


def test_an_unknown_position_refreshes_the_part(show):
    page = show("reset")
    expect(page.locator("#guide-news")).to_contain_text("Fetched at")
    assert page.problems == []


def test_each_mode_updates_its_target_and_keeps_typed_text(show):
    page = connected(show("client"))
    page.get_by_label("A note").fill("mine")
    expect(page.locator("#mode-morph p")).to_have_text(re.compile(r"Round [3-9]"))
    assert page.input_value("#morph-note") == "mine"
    assert page.locator("#mode-replace > *").count() == 1
    assert page.locator("#mode-append > *").all_inner_texts()[:2] == ["1", "2"]
    assert page.locator("#mode-prepend > *").all_inner_texts()[-2:] == ["2", "1"]
    expect(page.locator("#mode-text")).to_have_text(re.compile(r"^\s*\d+\s*$"))
    expect(page.locator("#mode-outer-0")).to_have_text(re.compile(r"[3-9]"))
    expect(page.locator("#mode-before-0 ~ #mode-before")).to_have_count(1)
    expect(page.locator("#mode-after ~ #mode-after-0")).to_have_count(1)
    expect(page.locator("#mode-remove-1")).to_have_count(0)
    expect(page.locator("#mode-remove-1")).to_have_count(1)
    expect(page.locator("#patch-html b")).to_have_text(re.compile("Round"))
    assert page.problems == []


def test_each_state_is_shown(show):
    page = show("client")
    events = {
        "A working server": ["connected", 'number {"number":2}'],
        "A stream that ends": ['number {"number":3}', 'disconnected {"reason":"finished"}'],
        "A busy server": ["reconnecting", '"attempt":2'],
        "A server that refuses": ['disconnected {"reason":"forbidden"}'],
    }
    cards = {name: page.get_by_role("region", name=name, exact=True) for name in events}
    for card in cards.values():
        card.get_by_role("button", name="Connect", exact=True).click()
    for name, texts in events.items():
        for text in texts:
            expect(cards[name].get_by_role("log")).to_contain_text(text)


@pytest.mark.usefixtures("patience")
def test_a_list_misses_nothing_when_its_server_is_killed_during_a_burst(serve, browser):
    with serve("uvicorn") as server, people.browsers(browser, server.url) as open_browser:
        state = people.logged_in(browser, server.url, "ada")
        page, later = open_browser(storage_state=state), open_browser(storage_state=state)
        page.goto("/guide/live-list/")
        rows, count = page.locator("#guide-orders > *"), page.locator("#guide-open")
        connected(page)
        command = [sys.executable, "manage.py", "shell", "-c", BURST]
        with subprocess.Popen(command, cwd=servers.ROOT, env=server.environment) as burst:
            expect(rows).to_have_count(8)
            assert burst.poll() is None, "the burst ended before the server was killed"
            server.kill()
        assert burst.returncode == 0
        server.restart()
        expect(count).to_have_text("60")
        later.goto("/guide/live-list/")
        expect(rows).to_have_text(later.locator("#guide-orders > *").all_text_contents())

"""Two people, two browsers, two server processes and a task worker: each sees the permitted updates, live."""

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

pytest.importorskip("apps.tasks.work")

FILE = b"name,email\nBarbara,barbara@example.com\nNobody,no address\nRadia,radia@example.com\n"
# Without times, which are relative.
SHOWN = """() => {
  for (const time of document.querySelectorAll("time")) time.hidden = true;
  return [
    document.querySelector("main").innerText,
    document.querySelector(".notification-count").innerText,
    ...[...document.querySelectorAll("main progress")].map((progress) => progress.value),
  ];
}"""


class Person:
    """A user with pages in tabs that stay open, and one more tab for actions."""

    def __init__(self, page, username):
        people.log_in(page, username)
        self.hands = page
        self.feed, self.notifications, self.tasks = map(self.open, ("/feed/", "/notifications/", "/tasks/"))
        self.pages = (self.feed, self.notifications, self.tasks)
        self.posts = self.feed.locator(".post")
        self.unread = self.notifications.locator(".notification.is-unread")

    def open(self, address):
        page = people.watched(self.hands.context.new_page())
        page.goto(address)
        expect(page.locator("#live")).to_have_attribute("data-state", "connected")
        page.evaluate("() => { window.stayed = true }")
        return page

    def post(self, text):
        self.hands.goto("/feed/")
        self.hands.get_by_label("Text").fill(text)
        self.hands.get_by_role("button", name="Post", exact=True).click()

    def notify_oneself(self):
        self.hands.goto("/")
        with self.hands.expect_response("**/api/notifications/notify-me/"):
            self.hands.get_by_role("button", name="Notify me").click()

    def expect_unread(self, count):
        """Wait until all pages show `count` unread notifications."""
        for page in self.pages:
            expect(page.locator(".notification-count")).to_have_text(str(count))
        expect(self.unread).to_have_count(count)


@pytest.fixture
def two_people(serve, browser, tmp_path):
    """Ada and Grace, each with her own server process, and one task worker."""
    with (
        serve("uvicorn") as one,
        servers.serving("uvicorn", tmp_path) as other,
        servers.task_worker(one.environment),
        people.browsers(browser, one.url) as hers,
        people.browsers(browser, other.url) as others,
    ):
        yield Person(hers(), "ada"), Person(others(), "grace")


def test_each_person_sees_only_permitted_updates_and_a_reload_changes_nothing(two_people):
    ada, grace = two_people

    ada.post("Lunch <b>is</b> ready")
    for person in two_people:
        expect(person.posts).to_have_count(1)
    grace.post("On my way")
    for person in two_people:
        expect(person.posts).to_contain_text(["On my way", "Lunch <b>is</b> ready"])
    for person, own in ((ada, 1), (grace, 0)):
        expect(person.posts.get_by_role("link", name="Edit")).to_have_count(1)
        expect(person.posts.nth(own).get_by_role("link", name="Edit")).to_be_visible()

    ada.hands.get_by_role("link", name="Edit").click()
    ada.hands.get_by_label("Text").fill("Lunch is over")
    ada.hands.get_by_role("button", name="Save").click()
    for person in two_people:
        expect(person.posts).to_contain_text(["On my way", "Lunch is over"])
    grace.hands.get_by_role("link", name="Delete").click()
    grace.hands.get_by_role("button", name="Delete post").click()
    for person in two_people:
        expect(person.posts).to_contain_text(["Lunch is over"])

    for person in (ada, ada, grace):
        person.notify_oneself()
    ada.expect_unread(2)
    grace.expect_unread(1)
    ada.hands.goto("/notifications/")
    ada.hands.get_by_role("button", name="Mark read").first.click()
    ada.expect_unread(1)
    grace.expect_unread(1)

    ada.hands.goto("/tasks/")
    ada.hands.set_input_files("[name=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE})
    ada.hands.get_by_role("button", name="Start import").click()
    for page in (ada.hands, ada.tasks):
        expect(page.locator(".task .badge")).to_have_text("Done")
        expect(page.locator(".task")).to_contain_text("2 rows imported · 1 row with errors")
    expect(grace.tasks.get_by_text("No finished tasks yet")).to_be_visible()
    assert grace.hands.request.get(ada.hands.url.replace(origin(ada), origin(grace))).status == 404

    for page in (*ada.pages, *grace.pages):
        assert page.evaluate("() => window.stayed")
        before = page.evaluate(SHOWN)
        page.reload()
        assert page.evaluate(SHOWN) == before
        assert page.problems == []


def origin(person):
    return person.hands.evaluate("() => origin")

"""The feed in a browser: older posts, a lost position, no scripts, pictures."""

import re

from PIL import Image
from playwright.sync_api import expect

from apps.feed.tests.test_browser import post


def post_many(page, texts):
    token = page.input_value("main [name=csrfmiddlewaretoken]")
    for text in texts:
        answer = page.request.post(
            page.url, form={"text": text, "csrfmiddlewaretoken": token}, headers={"Referer": page.url}
        )
        assert answer.ok, answer.status


def lose_position(route):
    """Respond with a page without the last post and with a position that the log does not contain."""
    page = route.fetch()
    text = re.sub(r'(dj-sse-event="post".* dj-sse-since)="[^"]+"', r'\1="9-00000000"', page.text())
    route.fulfill(response=page, body=re.sub(r"<article.*?</article>", "", text, count=1, flags=re.DOTALL))


def test_after_a_reset_the_newest_posts_are_there(reader, site):
    ada = reader("ada")
    post_many(ada, ["Before the reset"])
    ada.route("**/feed/", lose_position)
    ada.goto("/feed/")
    ada.unroute("**/feed/")
    expect(ada.locator(".post").first).to_contain_text("Before the reset")
    post(ada, "After the reset")
    assert ada.problems == []


def test_scrolling_loads_older_posts(reader):
    ada = reader("ada")
    post_many(ada, [f"Report {n}" for n in range(23)])
    ada.reload()
    assert ada.locator(".post").count() == 20
    ada.locator(".post").last.scroll_into_view_if_needed()
    expect(ada.locator(".post", has_text="Report 0")).to_have_count(1)
    numbers = ada.evaluate("() => [...document.querySelectorAll('.post')].map((post) => Number(post.id.slice(5)))")
    assert numbers == sorted(set(numbers), reverse=True)
    assert ada.problems == []


def test_without_javascript_posts_are_readable_and_older_ones_reachable(reader, site, browser):
    ada = reader("ada")
    post_many(ada, [f"Plain {n}" for n in range(21)])
    state = ada.context.storage_state()
    with browser.new_context(base_url=site.url, storage_state=state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/feed/")
        post(page, "From a page without scripts")
        page.get_by_role("link", name="Older posts").click()
        expect(page.locator(".post", has_text="Plain 0")).to_have_count(1)
        page.get_by_role("link", name="Newest posts").click()
        expect(page.locator(".post").first).to_contain_text("From a page without scripts")


def test_a_picture_can_be_added_and_the_edit_page_shows_replaces_and_removes_it(reader, tmp_path):
    for color in ("navy", "maroon"):
        Image.new("RGB", (40, 30), color).save(tmp_path / f"{color}.png")
    ada = reader("ada")
    field = ada.get_by_label("Picture", exact=True)
    expect(field).to_be_hidden()
    ada.get_by_label("Text").fill("With a picture")
    ada.get_by_title("Add a picture").click()
    expect(field).to_be_visible()
    field.set_input_files(tmp_path / "navy.png")
    ada.get_by_role("button", name="Post").click()
    expect(ada.locator(".post").first).to_contain_text("With a picture")
    picture = ada.locator(".post img")
    first = picture.get_attribute("src")

    ada.locator(".post").first.get_by_role("link", name="Edit").click()
    expect(ada.get_by_role("img", name="The picture of this post")).to_have_attribute("src", first)
    expect(ada.locator("main")).not_to_contain_text(".webp")
    ada.get_by_label("Picture", exact=True).set_input_files(tmp_path / "maroon.png")
    ada.get_by_role("button", name="Save").click()
    expect(picture).not_to_have_attribute("src", first)

    ada.get_by_role("link", name="Edit").click()
    ada.get_by_label("Remove the picture").check()
    ada.get_by_role("button", name="Save").click()
    expect(picture).to_have_count(0)
    assert ada.problems == []

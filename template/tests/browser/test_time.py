"""Times on a page, in the visitor's language and time zone."""

from playwright.sync_api import expect

ADD = """([moment, words]) => {
  const time = document.createElement("time");
  [time.dateTime, time.textContent] = [moment, words];
  document.querySelector("main").append(time);
}"""


def test_a_time_is_an_age_that_advances_up_to_a_day_and_then_a_date(site, browser):
    with browser.new_context(base_url=site.url, timezone_id="Asia/Tokyo", locale="en-GB") as context:
        page = context.new_page()
        page.clock.install(time="2026-03-14T12:00:00Z")
        page.goto("/accounts/login/")
        for moment in ("2026-03-14T11:57:00+00:00", "2026-03-12T20:00:00+00:00"):
            page.evaluate(ADD, [moment, "as the server wrote it"])
        near, far = page.locator("time").all()
        expect(near).to_have_text("3 minutes ago")
        # The next day in Tokyo.
        expect(far).to_have_text("Mar 13, 2026")
        assert "20:57:00 GMT+9" in near.get_attribute("title")
        page.clock.fast_forward("02:00")
        expect(near).to_have_text("5 minutes ago")

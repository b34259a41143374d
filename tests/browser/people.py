"""Demo users, each with their own browser, and the errors of their pages."""

import contextlib
import re

PROBLEMS = {"error", "warning"}
TIMEOUT_MS = 20_000
# The browser's message and the client's.
REFUSED_STREAM = re.compile(r"status of 409 .*/stream/|/stream/: the server returned 409")


def log_in(page, username, then="/accounts/password/change/"):
    """Log in as a demo user, and wait for the page `then`."""
    page.goto(f"/accounts/login/?next={then}")
    page.get_by_label("Username or email").fill(username)
    page.get_by_label("Password", exact=True).fill("demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(then)


def logged_in(browser, url, username):
    """Log in as a demo user and return the session, as Playwright's storage state for other browsers."""
    with browser.new_context(base_url=url) as context:
        log_in(context.new_page(), username)
        return context.storage_state()


@contextlib.contextmanager
def browsers(browser, url):
    """Yield a function that opens an empty page in a new browser context; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_browser(**options):
            # Without a graphics card an animation keeps a core busy.
            options = {"base_url": url, "reduced_motion": "reduce"} | options
            context = stack.enter_context(browser.new_context(**options))
            context.set_default_timeout(TIMEOUT_MS)
            return watched(context.new_page())

        yield open_browser


def watched(page):
    """Return the page; its errors and warnings are added to `page.problems`."""

    def forget_refused_streams(frame):
        # While a user signs in or out, the page that the browser is leaving may be refused its stream (409).
        if frame == page.main_frame:
            page.problems[:] = [text for text in page.problems if not REFUSED_STREAM.search(text)]

    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda it: it.type in PROBLEMS and page.problems.append(f"{it.text} {it.location['url']}"))
    page.on("framenavigated", forget_refused_streams)
    return page

"""Events, pages and their states for tests of the client."""

import json
from typing import Any

from playwright.sync_api import Page

QUICK_RETRY = "retry: 20\n\n"

ITEMS = '<div dj-sse="/stream/" dj-sse-mode="append"></div>'
NUMBERS = "[dj-sse]"

RECORDER = """
    window.seen = [];
    window.record = (sse) => {
        for (const name of ['connected', 'disconnected', 'reconnecting', 'reconnected', 'error']) {
            sse.on(name, (detail) => seen.push([name, detail]));
        }
        return sse;
    };
"""


def event(name: str, data: Any, id: str | int | None = None) -> str:
    """Return an event as a server writes it; data other than strings is sent as JSON."""
    lines = [f"event: {name}"] + ([f"id: {id}"] if id is not None else [])
    return "\n".join([*lines, f"data: {data if isinstance(data, str) else json.dumps(data)}"]) + "\n\n"


def position(number: int) -> str:
    """Return the position of a number in the log."""
    return f"{number}-0000{number:04d}"


def item(number: int) -> str:
    """Return an event for `ITEMS` with a position."""
    return event("a", f"{number};", id=position(number))


def wait_for_state(page: Page, name: str) -> Any:
    """Wait until the recorded connection has emitted `name`, and return the detail of the last one."""
    page.wait_for_function("(name) => seen.some(([seen]) => seen === name)", arg=name)
    return page.evaluate("(name) => seen.filter(([seen]) => seen === name).at(-1)[1]", name)


def freeze(page: Page) -> None:
    """Freeze a tab, as Chromium does with tabs that have been hidden for long."""
    _live(page, "frozen")


def show(page: Page) -> None:
    """Resume a frozen tab."""
    _live(page, "active")


def _live(page: Page, state: str) -> None:
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": state})


def names_seen(page: Page) -> list[str]:
    """Return the names of the states that the recorded connection has emitted, in order."""
    return page.evaluate("() => seen.map(([name]) => name)")

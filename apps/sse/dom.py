"""The events with which the server changes the page directly, for `SSEMixin`."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.shortcuts import resolve_url

from .events import sse_event
from .patches import checked_change


class DOMMixin:
    """
    Events that `DjustSSE` applies directly to the page.

    `target` is a CSS selector; every matching element is changed. `mode` is one of the client's
    update modes: replace (the element's content), append, prepend, text, outer (the element
    itself), before, after, remove, morph (replace, but keep what the user is doing there).
    `id` is as in `event()`. A target, mode or operation that the client cannot use raises `ValueError`.
    """

    def event(self, event_type: str, data: Any, id: str | int | None = None) -> str:
        raise NotImplementedError

    def push_html(self, target: str, html: str, mode: str = "replace", id: str | int | None = None) -> str:
        """Put `html` into the elements that match `target`. It is inserted as it is: render it with a template."""
        return self.event("html", checked_change("html", {"target": target, "html": html, "mode": mode}), id=id)

    def push_text(self, target: str, text: str, mode: str = "replace", id: str | int | None = None) -> str:
        """Put `text` into the elements that match `target`. It is shown literally, never as HTML."""
        return self.event("text", checked_change("text", {"target": target, "text": text, "mode": mode}), id=id)

    def push_patch(self, patches: Iterable[Mapping[str, Any]], id: str | int | None = None) -> str:
        """
        Apply operations such as `{"op": "replace", "path": "#count", "value": "42"}`, in order.

        `op` is an update mode, `html`, `value` (of a form control), `set_attribute` or
        `remove_attribute` (with a `name`), `add_class`, `remove_class` or `toggle_class`. `path` is a
        CSS selector. A `value` is shown as text unless it is a `SafeString` or `{"html": …}`, or
        `op` is `html`.
        """
        return self.event("patch", checked_change("patch", patches), id=id)

    def push_redirect(self, to: Any, *args: Any, **kwargs: Any) -> str:
        """Navigate the page to a URL, a URL name with its arguments, or a model instance's URL."""
        return sse_event({"url": resolve_url(to, *args, **kwargs)}, event="redirect")

    def push_reload(self) -> str:
        """Reload the page."""
        return sse_event({}, event="reload")

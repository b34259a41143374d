"""The events that change a page, and the check that the client can apply them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.shortcuts import resolve_url
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from .events import sse_event

# The update modes of the client.
MODES = ("replace", "append", "prepend", "text", "outer", "before", "after", "remove", "morph")

_CLASSES = ("add_class", "remove_class", "toggle_class")
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*MODES, "html", "value", *_CLASSES), ("value",)),
    "remove": (),
    "set_attribute": ("name", "value"),
    "remove_attribute": ("name",),
}
_SCALARS = (str, int, float, Promise)
# The fields that the client needs in the other events that change the page, and their types.
_FIELDS: dict[str, dict[str, Any]] = {
    "html": {"target": str, "html": (str, Promise)},
    "text": {"target": str, "text": object},
    "redirect": {"url": (str, Promise)},
    "reload": {},
}
_NAME = re.compile(r"[^\s\"'<>/=\x00-\x1f\x7f]+")


class DOMMixin:
    """
    Events with which the client changes the page.

    `target` is a CSS selector; every matching element is changed. `mode` is one of `MODES`: replace (the
    element's content), append, prepend, text, outer (the element itself), before, after, remove, morph
    (replace, but keep focus and input). `id` is as in `event()`. Raises `ValueError` for a target, mode or
    operation that the client cannot apply.
    """

    event: Callable[..., str]

    def push_html(self, target: str, html: str, mode: str = "replace", id: str | int | None = None) -> str:
        """Put `html` into the elements that match `target`. It is not escaped: render it with a template."""
        return self.event("html", checked_change("html", {"target": target, "html": html, "mode": mode}), id=id)

    def push_text(self, target: str, text: str, mode: str = "replace", id: str | int | None = None) -> str:
        """Put `text` into the elements that match `target`, never as HTML."""
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


def checked_change(event: str, data: Any) -> Any:
    """
    Return the data of an event. If the event is html, text, patch, redirect or reload, the data are checked.

    In a patch a `SafeString` has become `{"html": …}`. Raises `ValueError` for data that the client cannot apply,
    `TypeError` unless a patch is a list of dictionaries.
    """
    if event == "patch":
        return _checked_patches(data)
    return _checked_fields(event, data, _FIELDS[event]) if event in _FIELDS else data


def _checked_fields(event: str, data: Any, fields: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(data, Mapping) or not data.keys() >= fields.keys():
        needed = f"a dictionary with {' and '.join(map(repr, fields))}" if fields else "a dictionary, such as {}"
        raise ValueError(
            f"The event {event!r} changes the page: its data must be {needed}, not {data!r}. Use another event "
            "name for your own data."
        )
    for name, types in fields.items():
        if not isinstance(data[name], types):
            raise ValueError(f"The {name} of {event!r} must be a string, not {data[name]!r}.")
    if "target" in fields and not data["target"].strip():
        raise ValueError(f"The target of {event!r} must be a CSS selector, not {data['target']!r}.")
    if "target" in fields and (mode := data.get("mode", "replace")) not in MODES:
        raise ValueError(f"Unknown mode {mode!r}. Use one of {', '.join(MODES)}.")
    return {**data}


def _checked_patches(patches: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(patches, (str, bytes, Mapping)):
        raise TypeError(f"A patch must be a list of operations, not {patches!r}.")
    checked = []
    for index, patch in enumerate(patches, 1):
        try:
            checked.append(_operation(patch))
        except (TypeError, ValueError) as error:
            raise type(error)(f"Operation {index} of the patch, {patch!r}: {error}") from None
    return checked


def _operation(patch: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(patch, Mapping):
        raise TypeError("an operation must be a dictionary.")
    op = patch.get("op")
    keys = _KEYS.get(op) if isinstance(op, str) else None
    if keys is None:
        raise ValueError(f"unknown operation {op!r}. Use one of {', '.join(_KEYS)}.")
    if missing := sorted({"op", "path", *keys} - patch.keys()):
        raise ValueError(f"{op} also needs {' and '.join(missing)}.")
    if surplus := sorted(map(str, patch.keys() - {"op", "path", *keys})):
        raise ValueError(f"{op} does not accept {' and '.join(surplus)}.")
    if not isinstance(patch["path"], str) or not patch["path"].strip():
        raise ValueError("its path must be a CSS selector.")
    if "name" in keys:
        _check_attribute(patch["name"], patch.get("value", ""))
    if op in _CLASSES and not (isinstance(patch["value"], str) and patch["value"].strip()):
        raise ValueError("its value must be one or more class names.")
    return {**patch, "value": _value(op, patch["value"])} if "value" in keys else dict(patch)


def _check_attribute(name: Any, value: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("its name must be an attribute name.")
    script = re.sub(r"[\x00-\x20]", "", str(value)).lower().startswith("javascript:")
    if script or name.lower().startswith("on") or name.lower() == "srcdoc":
        raise ValueError(f"the attribute {name} would run a script.")


def _value(op: Any, value: Any) -> Any:
    takes_html = op in MODES or op == "html"
    if isinstance(value, SafeString) and takes_html:
        return {"html": str(value)}
    if isinstance(value, Mapping):
        if not takes_html:
            raise ValueError(f"{op} accepts text, not HTML.")
        if value.keys() != {"html"} or not isinstance(value["html"], str):
            raise ValueError('HTML must be given as {"html": "…"}, without other keys.')
        return {**value}
    # True and False check a form control.
    if not isinstance(value, _SCALARS) or (isinstance(value, bool) and op != "value"):
        raise ValueError('its value must be text, a number or {"html": …}.')
    return value

"""Changes of the list. Each is saved and published in one transaction."""

from contextlib import contextmanager

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.template.loader import render_to_string

from apps.sse import publish, publish_html

from .models import Item

ALL = "app_name"


def channel_for(user) -> str:
    """Return the channel of the items that a user may see."""
    return ALL if user.has_perm("app_name.view_item") else f"{ALL}:{user.pk}"


@contextmanager
def changing():
    """Open a transaction for changes, one at a time, so that the newest count is published last."""
    with transaction.atomic():
        ContentType.objects.select_for_update().get(app_label="app_name", model="item")
        yield


def add(item) -> None:
    item.save()
    for channel in _channels(item):
        publish(channel, "item", _html(item))
    _publish_counts(item)


def finish(item) -> None:
    item.is_done = True
    item.save()
    for channel in _channels(item):
        publish_html(channel, f"#app_name-{item.pk}", _html(item), mode="outer")
    _publish_counts(item)


def remove(item) -> None:
    for channel in _channels(item):
        publish_html(channel, f"#app_name-{item.pk}", "", mode="remove")
    item.delete()
    _publish_counts(item)


def _channels(item) -> list[str]:
    return [ALL, f"{ALL}:{item.owner_id}"]


def _html(item) -> str:
    return render_to_string("app_name/_item.html", {"item": item})


def _publish_counts(item) -> None:
    all_open = Item.objects.filter(is_done=False)
    for channel, items in zip(_channels(item), [all_open, all_open.filter(owner=item.owner_id)], strict=True):
        publish(f"{channel}:count", "app_name-count", items.count())

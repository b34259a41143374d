"""The bell's template tag, loaded as `notifications`."""

from django import template

from apps.sse import page_position

MAX_COUNT = 99

register = template.Library()


@register.simple_tag(takes_context=True)
def notification_bell(context):
    """
    Return what the bell shows: the `unread` notifications' numbers and their `count`; None for a visitor.

    Its stream goes on from `since`, which is taken before they are read, so that none is missed. Only
    the newest 100 numbers are given.
    """
    request = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    # The page's own position, if it has one: then both share a connection.
    since = getattr(request, "sse_since", None) or page_position()
    unread = list(user.notifications.unread().order_by("-pk").values_list("pk", flat=True)[: MAX_COUNT + 1])
    count = f"{MAX_COUNT}+" if len(unread) > MAX_COUNT else len(unread)
    return {"since": since, "unread": " ".join(map(str, unread)), "count": count}

"""The bell's template tag, loaded as `notifications`."""

from django import template

from apps.sse import page_position

# The bell says 99+ beyond.
MOST = 99

register = template.Library()


@register.simple_tag(takes_context=True)
def notification_bell(context):
    """
    Return what the bell shows: the numbers of the `unread` notifications, `count` of them, or None for a visitor.

    The bell's stream goes on from `since`, which is taken before they are read, so that none is missed. On a
    page that says `has_notification_stream` the bell hears that one, and `since` is None. Of more than 99
    only the newest are told.
    """
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return None
    since = None if context.get("has_notification_stream") else page_position()
    unread = list(user.notifications.unread().order_by("-pk").values_list("pk", flat=True)[: MOST + 1])
    count = f"{MOST}+" if len(unread) > MOST else len(unread)
    return {"since": since, "unread": " ".join(map(str, unread)), "count": count}

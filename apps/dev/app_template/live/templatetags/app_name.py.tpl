from django import template

from apps.sse import page_position

from ..models import Item

register = template.Library()


@register.simple_tag
def open_items(user):
    """Return the `count` of open items, and the position `since` from which its stream continues."""
    since = page_position()  # before the query
    return {"since": since, "count": Item.visible_to(user).filter(is_done=False).count()}

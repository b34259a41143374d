from django import template

from apps.sse import page_position

from ..models import Item

register = template.Library()


@register.simple_tag
def open_items(user):
    """Return how many items are open, and the position from which the stream of that count goes on."""
    since = page_position()  # before the query
    return {"since": since, "count": Item.objects.visible_to(user).filter(is_done=False).count()}

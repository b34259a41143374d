"""The newest posts for the first page, loaded as `feed`."""

from django import template

from apps.sse import page_position

from ..models import Post

NEWEST = 3

register = template.Library()


@register.simple_tag
def newest_posts() -> dict:
    """Return the newest `posts`, and `since`, the position after which their stream continues."""
    since = page_position()  # before the query
    return {"since": since, "posts": Post.objects.before(None)[:NEWEST]}

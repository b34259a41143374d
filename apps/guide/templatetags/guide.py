import re

from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe

from apps.guide.models import Order

register = template.Library()


@register.simple_tag
def guide_orders(user) -> dict:
    """Return the newest orders of a user, and the number of open ones."""
    orders = Order.objects.filter(user=user)
    return {"newest": orders[:8], "open": orders.filter(is_shipped=False).count()}


@register.filter
def prose(text: str) -> str:
    """Return text as HTML: text in backticks is code, and all text is escaped."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))

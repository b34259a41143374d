import re

from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe

from apps.guide.access import may_read

register = template.Library()


@register.simple_tag(takes_context=True)
def may_read_guide(context) -> bool:
    """Return whether to link to the guide: `may_read_guide as allowed`."""
    user = context.get("user")
    return user is not None and may_read(user)


@register.filter
def prose(text: str) -> str:
    """Return text as HTML in which what stands in backticks is code; everything else is escaped."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))

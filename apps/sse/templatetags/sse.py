"""Template tags for pages with streams, loaded as `sse`."""

from django import template
from django.conf import settings
from django.forms.utils import flatatt
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def sse_script(context: Context) -> SafeString:
    """
    Print the script element of the browser client, with the page's CSP nonce if it has one.

    Where the site's policy requires Trusted Types, listeners are given `html` fields as such.
    It belongs in the head, where it blocks: scripts in the body find `_djustSSE` on their elements.
    """
    attributes = {
        "src": static("sse/djust-sse.js"),
        "nonce": context.get("csp_nonce"),
        "data-trusted-types": "require-trusted-types-for" in settings.SECURE_CSP,
    }
    return format_html("<script{}></script>", flatatt(attributes))

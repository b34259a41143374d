"""Template tags for pages with streams, loaded as `sse`."""

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..access.identity import share_key

register = template.Library()


@register.simple_tag(takes_context=True)
def sse_script(context: Context) -> SafeString:
    """
    Print the script element of the browser client, with the page's CSP nonce if it has one.

    Put it in the head. It is not deferred, so that scripts in the body find `_djustSSE` on their elements.
    Sharing, the mode `morph` and rarely used attributes are loaded when a page first uses them. If the
    site's policy requires Trusted Types, listeners get `html` fields as `TrustedHTML`.
    """
    attributes = {
        "src": static("sse/djust-sse.js"),
        "data-extras": static("sse/djust-sse-extras.js"),
        "data-morph": static("sse/djust-sse-morph.js"),
        "data-sharing": static("sse/djust-sse-sharing.js"),
        "nonce": context.get("csp_nonce"),
        "data-trusted-types": "require-trusted-types-for" in settings.SECURE_CSP,
    }
    return format_html("<script{}></script>", flatatt(attributes))


@register.simple_tag(takes_context=True)
def sse_since(context: Context) -> str:
    """
    Print the position at which the page's stream starts, for the attribute `dj-sse-since`.

    `LivePageMixin` or `live_page` takes it before the view runs. Raises `ImproperlyConfigured` without them.
    """
    request = _request(context, "sse_since")
    if not hasattr(request, "sse_since"):
        raise ImproperlyConfigured(
            f"The page {request.path} uses sse_since, but no position was taken before its queries. Put "
            "LivePageMixin before View in its class, or @live_page on its function (both from apps.sse)."
        )
    return request.sse_since


@register.simple_tag(takes_context=True)
def sse_share_key(context: Context) -> str:
    """
    Print the key of the session, for the attribute `dj-sse-share-key` of `<html>`.

    The tabs with one key share a connection for each joinable stream. The key changes at login and logout
    and does not reveal the session's key. The server refuses streams to a page of another user.
    """
    session = getattr(_request(context, "sse_share_key"), "session", None)
    if session is None:
        return ""
    # Sets Vary: Cookie, so that caches do not serve the page to others.
    session.accessed = True
    return share_key(session)


def _request(context: Context, tag: str) -> HttpRequest:
    request = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ImproperlyConfigured(f"{tag} needs the request in the template's context: use render(request, …).")
    return request

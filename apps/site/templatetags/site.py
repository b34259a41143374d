"""Tags and filters of the site's templates, loaded as `site`."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from django import template
from django.apps import apps
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Number, String

DAY = timedelta(days=1)
# The CSS class of each kind of token; the style sheet has their colours.
CLASSES = {
    Comment.Preproc: "is-attribute",
    Comment: "is-comment",
    Keyword: "is-keyword",
    Name.Attribute: "is-attribute",
    Name.Builtin: "is-name",
    Name.Class: "is-name",
    Name.Decorator: "is-attribute",
    Name.Function: "is-name",
    Name.Tag: "is-keyword",
    Number: "is-number",
    String: "is-string",
}
# Parts of user agents. The first one counts: many browsers also name another.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "FxiOS": "Firefox", "CriOS": "Chrome"}
BROWSERS |= {name: name for name in ("Firefox", "Chrome", "Safari")}
SYSTEMS = {"iPhone": "iOS", "iPad": "iPadOS", "Mac OS": "macOS", "CrOS": "ChromeOS"}
SYSTEMS |= {name: name for name in ("Windows", "Android", "Linux")}

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """Return the name of the site."""
    return settings.SITE_NAME


@register.simple_tag
def site_description() -> str:
    """Return the sentence that says what the site is."""
    return settings.SITE_DESCRIPTION


@register.simple_tag(takes_context=True)
def may_open(context) -> set[str]:
    """Return the labels of the apps with restricted pages that this user may open."""
    user = context.get("user")
    found = [app for app in apps.get_app_configs() if hasattr(app, "may_open")]
    return {app.label for app in found if user is not None and app.may_open(user)}


@register.simple_block_tag
def page_title(content: SafeString) -> SafeString:
    """Return the page's title for browsers, and for other sites that link to it."""
    content = mark_safe(" ".join(content.split()))
    return format_html('<title>{}</title>\n  <meta property="og:title" content="{}">', content, content)


@register.simple_tag
def brand() -> SafeString:
    """Return the site's colour and icon for a page's head."""
    icon = mark_safe('<link rel="icon" href="/favicon.svg" type="image/svg+xml">')
    return format_html("<style>{}</style>\n  {}", mark_safe(settings.SITE_STYLE), icon)


@register.filter(expects_localtime=True)
def moment(at: datetime) -> str:
    """Return a time relative to now if it is within a day, otherwise its date."""
    is_near = abs(timezone.now() - at) < DAY
    return naturaltime(at) if is_near else date_format(at, "DATE_FORMAT")


@register.filter
def browser(user_agent: str) -> str:
    """Return "Firefox on Linux", or the user agent if the browser or the system is unknown."""
    name = next((BROWSERS[part] for part in BROWSERS if part in user_agent), None)
    system = next((SYSTEMS[part] for part in SYSTEMS if part in user_agent), None)
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return user_agent or _("Unknown browser")


@register.filter
def linked(text: str, address: str) -> SafeString:
    """Return text as HTML in which only words that begin with this site's address are links."""
    own = rf"(?<!\S){re.escape(escape(address.rstrip('/')))}(/\S*)?(?!\S)"
    return mark_safe(re.sub(own, r'<a href="\g<0>">\g<0></a>', escape(text)))


@register.filter
@lru_cache(maxsize=256)
def coloured(text: str, name: str) -> SafeString:
    """Return source code as HTML with a class for each kind of token; `name` is the file's name."""
    lexer = get_lexer_by_name("html+django") if name.endswith(".html") else get_lexer_for_filename(name)
    return mark_safe("".join(_token(kind, value) for kind, value in lexer.get_tokens(text)))


def _token(kind, value: str) -> str:
    css = next((css for family, css in CLASSES.items() if kind in family), None)
    return format_html('<span class="{}">{}</span>', css, value) if css else escape(value)

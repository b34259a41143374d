from django import template

from apps.dashboard.views import may_look

register = template.Library()


@register.filter
def at(shown, point) -> str:
    """Return the text of a figure, or of a chart, at a point or at None: `figure|at:point`."""
    return shown.text(point)


@register.simple_tag(takes_context=True)
def may_see_dashboard(context) -> bool:
    """Return whether to link to the dashboard: `may_see_dashboard as allowed`."""
    user = context.get("user")
    return user is not None and may_look(user)

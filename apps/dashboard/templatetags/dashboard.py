from django import template

register = template.Library()


@register.filter
def at(shown, point) -> str:
    """Return the text of a figure or a chart at a point, which may be None: `figure|at:point`."""
    return shown.text(point)

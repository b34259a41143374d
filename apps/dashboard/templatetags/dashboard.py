from django import template

register = template.Library()


@register.filter
def at(shown, point) -> str:
    """Return the text of a figure, or of a chart, at a point or at None: `figure|at:point`."""
    return shown.text(point)

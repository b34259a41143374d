from django import template

register = template.Library()


@register.filter
def at(figure, point) -> str:
    """Return what a figure reads at a point; a dash if there is none."""
    return figure.text(point)

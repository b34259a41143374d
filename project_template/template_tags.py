"""What the site's own templates need beside Django's tags, loaded as `site`."""

from datetime import datetime, timedelta

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.formats import date_format

DAY = timedelta(days=1)

register = template.Library()


@register.filter(expects_localtime=True)
def moment(at: datetime) -> str:
    """Return how long ago a moment was, up to a day; otherwise its date."""
    is_near = abs(timezone.now() - at) < DAY
    return naturaltime(at) if is_near else date_format(at, "DATE_FORMAT")

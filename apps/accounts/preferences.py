"""Middleware: pages are in the language and the time zone of the user's profile."""

from django.conf import settings
from django.utils import timezone, translation


def personalize(get_response):
    """Activate the user's choices; without them those of the browser and the site apply."""

    def middleware(request):
        # Without a session there is no user to load.
        user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        language, zone = getattr(user, "language", ""), getattr(user, "time_zone", "")
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = language
        with timezone.override(zone or None):
            return get_response(request)

    return middleware

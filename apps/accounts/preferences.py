"""Middleware: pages are in the language and the time zone of the user's profile."""

from functools import partial

from django.conf import settings
from django.db import Error
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject


def personalize(get_response):
    """Activate the user's choices; without them those of the browser and the site apply."""

    def middleware(request):
        language = zone = ""
        # Without a session there is no user to load.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            try:
                language, zone = getattr(request.user, "language", ""), getattr(request.user, "time_zone", "")
            except Error as error:
                # A stream is answered with Retry-After by its view, which need not wait for the database again.
                request.user = SimpleLazyObject(partial(_raise, error))
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = language
        with timezone.override(zone or None):
            return get_response(request)

    return middleware


def _raise(error):
    raise error

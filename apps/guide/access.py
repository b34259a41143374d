"""Access to the guide, whose pages show source and whose streams use connections."""

from functools import wraps

from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def may_read(user) -> bool:
    """Return whether a user may read the guide: everyone if it is public, otherwise staff."""
    return getattr(settings, "GUIDE_PUBLIC", False) or (user.is_active and user.is_staff)


class ReadersOnly(UserPassesTestMixin):
    """Mixin for the guide's pages: other visitors go to the login page, other users get 403."""

    request: HttpRequest

    def test_func(self):
        return may_read(self.request.user)


def stream_for_readers(view):
    """Return a subclass of a stream's view that refuses others with 403; the examples need no check."""
    return type(view.__name__, (ReadersOnly, view), {"raise_exception": True, "__module__": view.__module__})


def readers_only(view):
    """Decorate a view function: it refuses others with 403."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not may_read(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded

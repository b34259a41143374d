"""Logins, of which somebody who guesses gets only so many."""

from typing import Any

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from apps.sse import address_of


class Backend(AxesStandaloneBackend, ModelBackend):
    """
    Django's users and passwords, behind django-axes: after `AXES_FAILURE_LIMIT` failures for a name
    from an address the login is refused for a while, whatever the password.
    """

    def authenticate(
        self, request: HttpRequest | None, username: Any = None, password: Any = None, **options: Any
    ):
        """Return the user, or None; raises `PermissionDenied` while that name is refused."""
        AxesStandaloneBackend.authenticate(self, request, username=username, password=password, **options)
        return ModelBackend.authenticate(self, request, username=username, password=password, **options)

    async def aauthenticate(self, request: HttpRequest | None, **options: Any):
        """Do the same, from async code."""
        return await sync_to_async(self.authenticate)(request, **options)


def visitor(request: HttpRequest) -> str | None:
    """Return the address that failures are counted for, of IPv6 the first of its network."""
    return address_of(request).partition("/")[0] or None

"""Login with a limit on failed attempts, against password guessing."""

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from apps.sse import address_of


class Backend(AxesStandaloneBackend, ModelBackend):
    """
    Django's users and passwords, guarded by django-axes.

    After `AXES_FAILURE_LIMIT` failures for a name from an address, logins with that name from there are
    refused for a while, even with the right password.
    """

    def authenticate(self, request, username=None, password=None, **options):
        """Return the user, or None; raises `PermissionDenied` while the name is refused."""
        AxesStandaloneBackend.authenticate(self, request, username=username, password=password, **options)
        return ModelBackend.authenticate(self, request, username=username, password=password, **options)

    async def aauthenticate(self, request, username=None, password=None, **options):
        """Do the same in async code."""
        return await sync_to_async(self.authenticate)(request, username, password, **options)


def client_address(request: HttpRequest) -> str | None:
    """Return the address whose failures are counted; the first address of an IPv6 network stands for all of it."""
    return address_of(request).partition("/")[0] or None

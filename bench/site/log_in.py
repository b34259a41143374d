"""Migrate the database, log a user in, and print the headers that the user's browser sends."""

import sys

import django


def main() -> None:
    """Run the module."""
    from django.contrib.auth import get_user_model, login
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.http import HttpRequest

    from apps.sse.access.identity import share_key

    call_command("migrate", verbosity=0)
    request = HttpRequest()
    request.session = SessionStore()
    login(request, get_user_model().objects.create_user("bench"))
    request.session.save()
    sys.stdout.write(f"Cookie: sessionid={request.session.session_key}\n")
    sys.stdout.write(f"SSE-Share-Key: {share_key(request.session)}\n")


if __name__ == "__main__":
    django.setup()
    main()

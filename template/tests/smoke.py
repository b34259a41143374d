"""
Opens every page of the project that has no arguments, as a visitor, as a user and as staff.

`python -m template.tests.smoke` prints the pages; it fails if a system check fails, a migration is
missing, or a page fails.
"""

import os
import re
import sys
from pathlib import Path

import django
from django.core.management import call_command
from django.urls import Resolver404, URLPattern, get_resolver, resolve

EXPECTED = {200, 302, 403, 405}
# Some of its pages exist for users with a second factor only.
SECOND_FACTOR = "/accounts/2fa/"


def main() -> None:
    """Check the project in the current folder."""
    [settings] = Path.cwd().glob("*/settings.py")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{settings.parent.name}.settings")
    django.setup()
    call_command("check")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    call_command("migrate", verbosity=0)
    for client in visitors():
        for path in pages():
            answer = client.get(path)
            expected = EXPECTED | ({404} if path.startswith(SECOND_FACTOR) else set())
            assert answer.status_code in expected, f"{path} returns {answer.status_code}"
            sys.stdout.write(f"{path} {answer.status_code}\n")
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                assert_links_lead_somewhere(client, path, answer)


def visitors():
    """Yield a client for each role."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    user = get_user_model()
    yield (client := Client(headers={"host": "localhost"}))
    client.force_login(user.objects.create_user("user", email="user@example.com"))
    yield client
    client.force_login(user.objects.create_superuser("staff", email="staff@example.com"))
    yield client


def pages(patterns=None, before="/"):
    """Yield the paths of all pages without arguments, except streams and actions under /api/."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if "<" in path or "^" in path or "(" in path or path.startswith("/api/"):
            continue
        if isinstance(pattern, URLPattern):
            if pattern.name != "metrics":
                yield path
        else:
            yield from pages(pattern.url_patterns, path)


def assert_links_lead_somewhere(client, path, answer) -> None:
    """Fail if a page links to a path of this site that does not exist."""
    html = getattr(answer, "content", b"").decode()
    assert path.startswith("/admin/") or 'href=""' not in html, f"{path} has a link that leads nowhere"
    for address in re.findall(r'(?:href|action|dj-sse)="(/[^"?#]*)', html):
        if not address.startswith(("/static/", "/media/")):
            try:
                resolve(address)
            except Resolver404:
                raise AssertionError(f"{path} links to {address}, which does not exist") from None


if __name__ == "__main__":
    main()

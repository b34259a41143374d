"""Examine a site's streams from outside."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from apps.sse.doctor.examination import Examination


class Command(BaseCommand):
    """Print what was found; the exit code is 1 if something has to be done."""

    help = (
        "Opens a stream through the public address and says in plain words what happens to it on its way: whether "
        "it is one, whether something buffers, compresses or cuts it, HTTP/2, keepalives, ASGI or WSGI, whether "
        "an event that is published here is heard there. Users notice nothing. URL is the address of the site, or "
        "of one of its streams, which is looked at first then. The exit code is 1 if something has to be done."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "url", metavar="URL", help="https://example.com/ or https://example.com/api/feed/stream/"
        )
        parser.add_argument("--header", metavar="NAME:VALUE", action="append", default=[], help="sent along")
        parser.add_argument("--cookie", metavar="NAME=VALUE", action="append", default=[], help="sent along")
        parser.add_argument("--quick", action="store_true", help="do not wait for a keepalive")

    def handle(self, *, url, header, cookie, quick, **options):
        headers = dict(_header(text) for text in header)
        if cookie:
            headers["Cookie"] = "; ".join(_cookie(text) for text in cookie)
        bad = 0
        for finding in Examination(_address(url), headers, quick).findings():
            bad += finding.level == "bad"
            self.stdout.write(f"{STYLES[finding.level](self.style)(finding.level.ljust(4))}  {finding.text}")
            if finding.advice:
                self.stdout.write(f"      → {finding.advice}")
            self.stdout.flush()
        if bad:
            raise CommandError("One thing has to be done." if bad == 1 else f"{bad} things have to be done.")
        self.stdout.write(self.style.SUCCESS("Streams work."))


STYLES = {
    "ok": lambda style: style.SUCCESS,
    "note": lambda style: style.WARNING,
    "bad": lambda style: style.ERROR,
}


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise CommandError(f"{url} is no address: write it in full, such as https://example.com/.")
    return url


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise CommandError(f"--header {text}: write NAME:VALUE.")
    return name.strip(), value.strip()


def _cookie(text: str) -> str:
    try:
        cookies = SimpleCookie(text)
    except CookieError:
        cookies = SimpleCookie()
    if not cookies:
        raise CommandError(f"--cookie {text}: write NAME=VALUE.")
    return text

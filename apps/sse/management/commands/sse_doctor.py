import contextlib
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from apps.sse.doctor.diagnosis import Diagnosis

STYLES = {"ok": "SUCCESS", "note": "WARNING", "bad": "ERROR"}


class Command(BaseCommand):
    help = (
        "Opens a stream through the public URL and checks it: status and content type, buffering, compression, "
        "timeouts, HTTP/2, keepalives, ASGI or WSGI, and whether an event published by this command arrives. "
        "It does not disturb users. URL is the site's, or that of one stream, which is then checked first. The "
        "exit code is 1 if a problem was found."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "url", metavar="URL", help="https://example.com/ or https://example.com/api/feed/stream/"
        )
        parser.add_argument("--header", metavar="NAME:VALUE", action="append", default=[], help="header to send")
        parser.add_argument("--cookie", metavar="NAME=VALUE", action="append", default=[], help="cookie to send")
        parser.add_argument("--quick", action="store_true", help="do not wait for a keepalive")

    def handle(self, *, url, header, cookie, quick, **options):
        headers = dict(_pair("--header", text, ":") for text in header)
        if cookie:
            headers["Cookie"] = "; ".join("=".join(_pair("--cookie", text, "=")) for text in cookie)
        problems = 0
        for finding in Diagnosis(_url(url), headers, quick).findings():
            problems += finding.level == "bad"
            style = getattr(self.style, STYLES[finding.level])
            self.stdout.write(f"{style(finding.level.ljust(4))}  {finding.text}")
            if finding.advice:
                self.stdout.write(f"      → {finding.advice}")
            self.stdout.flush()
        if problems:
            raise CommandError(f"{problems} problem{'s have' if problems > 1 else ' has'} to be fixed.")
        self.stdout.write(self.style.SUCCESS("Streams work."))


def _url(url: str) -> str:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return url
    raise CommandError(f"{url} is not a URL: write it in full, such as https://example.com/.")


def _pair(option: str, text: str, separator: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise CommandError(f"{option} {text}: write NAME{separator}VALUE.")
    return name.strip(), value.strip()

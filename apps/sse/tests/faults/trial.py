"""Plays the scenario without a fault, then with each, and reports a table."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.db import connections

from apps.sse.asgi import hand_off

from .injection import AFTER, BEFORE, Fault, Site, faults, install
from .scenario import hurry, play

COLUMNS = ["sites", "calls", "injected", "not reached", "failed"]


def main() -> int:
    """Run the trial; return 1 if a promise was broken, else 0."""
    parser = argparse.ArgumentParser(prog="python -m apps.sse.tests.faults")
    parser.add_argument("broker", help="its name in the table; SSE_BROKER_URL selects it")
    parser.add_argument("--every", action="store_true", help="inject into every call, not the first of each line")
    parser.add_argument("--only", default="", help="inject only into calls whose description contains this")
    parser.add_argument("--logs", action="store_true", help="show the log")
    options = parser.parse_args()
    logging.disable(logging.NOTSET if options.logs else logging.CRITICAL)
    trial = Trial(options.broker)
    with hurry():
        for line in trial.run(options.every, options.only):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return int(trial.has_failed)


class Trial:
    """Injections with the broker of the settings, called `name` in the table."""

    def __init__(self, name: str) -> None:
        self.has_failed = False
        self._name = name
        self._application = hand_off(get_asgi_application())
        self._user, self._cookie = _sign_in()
        self._numbers = {kind: Counter[str]() for kind in ("send", "broker", "database")}
        install()

    def run(self, every: bool, only: str) -> Iterator[str]:
        """Yield the report, line by line."""
        started = time.monotonic()
        # The first run imports modules; the second one counts.
        for _ in range(2):
            yield from self._try(None)
        took = (time.monotonic() - started) / 2
        calls = Counter(faults.calls)
        for site, number in calls.items():
            self._numbers[site.kind].update(sites=1, calls=number)
        if not self.has_failed:
            for fault in _faults(calls, every):
                if only in str(fault):
                    yield from self._try(fault)
        yield from self._table()
        yield f"{time.monotonic() - started:.0f} s, {took:.2f} s without a fault"

    def _try(self, fault: Fault | None) -> Iterator[str]:
        violations = play(self._application, self._user, self._cookie, fault)
        self.has_failed |= bool(violations)
        if fault is not None:
            failed, unreached = bool(violations), not faults.has_happened
            self._numbers[fault.site.kind].update({"injected": 1, "failed": failed, "not reached": unreached})
        if violations:
            yield str(fault or "without a fault")
            yield from (f"    {violation}" for violation in violations)

    def _table(self) -> Iterator[str]:
        yield f"{'broker':12}{'kind':10}" + "".join(f"{column:>13}" for column in COLUMNS)
        for kind, numbers in self._numbers.items():
            yield f"{self._name:12}{kind:10}" + "".join(f"{numbers[column]:13}" for column in COLUMNS)


def _faults(calls: Counter[Site], every: bool) -> Iterator[Fault]:
    """Return a fault for every call, in each way, or for the first call of each line of the library."""
    seen = set()
    # First the client whose requests query.
    for site in sorted(calls, key=lambda site: ("signed in" not in site.call, site)):
        if every:
            yield from (Fault(site, n, how) for n in range(1, calls[site] + 1) for how in _ways(site))
        elif _is_representative(site) and (line := _line(site)) not in seen:
            seen.add(line)
            # The hardest failure of a socket: the server does not receive the disconnect.
            yield from (Fault(site, 1, how) for how in (["RuntimeError"] if site.kind == "send" else _ways(site)))


def _ways(site: Site) -> list[str]:
    if site.kind == "send":
        return ["OSError", "RuntimeError", AFTER]
    if site.call == "listen":
        return [BEFORE, AFTER, "cancelled", "returned"]
    return [BEFORE, AFTER] if site.has_effect else [BEFORE]


def _is_representative(site: Site) -> bool:
    # A failed connect is like a failed first query; the calls of tests are not the library's.
    is_library = not site.place.startswith("tests ")
    return site.kind != "database" or site.call == "commit" or (is_library and site.call != "connect")


def _line(site: Site) -> Site:
    if site.kind == "database":
        return site._replace(place=site.place.partition(" < ")[0])
    return site._replace(call=site.call.partition(" to ")[0])


def _sign_in():
    user, _ = get_user_model().objects.get_or_create(username="ada")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    connections.close_all()
    return user, f"{settings.SESSION_COOKIE_NAME}={session.session_key}"

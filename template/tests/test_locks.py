"""Each lock contains what it adds to the locks that it includes, with hashes and without hosts."""

import re
import tomllib

import pytest

from tests.servers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-s3.txt": PROJECT["project"]["optional-dependencies"]["s3"],
    "requirements-sentry.txt": PROJECT["project"]["optional-dependencies"]["sentry"],
    "requirements-dev.txt": PROJECT["dependency-groups"]["dev"],
    "template/requirements.txt": re.findall(
        r"^\w.*", (ROOT / "template" / "requirements.in").read_text(), re.MULTILINE
    ),
}


def packages(file):
    """Return the names of the packages of a lock, and those of the locks that it includes."""
    text = file.read_text()
    included = [packages(file.parent / name) for name in re.findall("^-r (.+)", text, re.MULTILINE)]
    names = re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==", text, re.MULTILINE)
    return names, {name for own, others in included for name in (*own, *others)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_each_package_once_and_what_is_asked_for(lock):
    names, included = packages(ROOT / lock)
    assert {*names} & included == set()
    required = {re.match(r"[\w.-]+", requirement)[0] for requirement in LOCKS[lock]}
    assert required <= {*names} | included
    assert ("django" in included) == (lock != "requirements.txt")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_names_no_host(lock):
    entries = [entry for entry in re.split(r"^(?=[\w-])", (ROOT / lock).read_text(), flags=re.MULTILINE) if entry]
    assert all("--hash=sha256:" in entry for entry in entries if not entry.startswith("-r "))
    assert "://" not in "".join(entries)


def test_the_locks_of_npm_packages_name_no_host():
    locks = [ROOT / "apps/sse/client/package-lock.json", ROOT / "apps/sse/tests/foreign/package-lock.json"]
    assert [line for lock in locks for line in lock.read_text().splitlines() if "://" in line] == []

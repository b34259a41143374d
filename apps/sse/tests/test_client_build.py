"""The built client: as its sources are, light, and with the licences of what it holds."""

import shutil

import pytest

from apps.sse.client import check


def test_the_built_client_is_that_of_its_sources_and_light():
    assert check.complaint() is None


def test_sharing_advice_and_further_attributes_are_loaded_when_needed():
    client = (check.STATIC / "djust-sse.js").read_text(encoding="utf-8")
    for part, words in {
        "sharing": "navigator.locks.request",
        "attributes": "sessionStorage",
        "advice": "has 5 open streams",
    }.items():
        assert words in (check.STATIC / f"djust-sse-{part}.js").read_text(encoding="utf-8")
        assert words not in client


@pytest.fixture
def built(tmp_path, monkeypatch):
    copy = tmp_path / "built"
    shutil.copytree(check.STATIC, copy)
    monkeypatch.setattr(check, "STATIC", copy)
    return copy


@pytest.mark.parametrize("name", check.BUDGETS)
def test_a_stale_build_is_found(built, name):
    file = built / name
    file.write_text(file.read_text(encoding="utf-8").replace(check.source_hash(), "0" * 64), encoding="utf-8")
    assert check.complaint() == f"static/sse/{name} is older than its sources. Run: make client"
    file.unlink()
    assert check.complaint() == f"static/sse/{name} is older than its sources. Run: make client"


@pytest.mark.parametrize("name", check.BUDGETS)
def test_a_heavy_build_is_found(monkeypatch, name):
    monkeypatch.setitem(check.BUDGETS, name, 100)
    assert f"{name} has " in check.complaint()


@pytest.mark.parametrize("name", ["eventsource-parser", "idiomorph"])
def test_what_is_vendored_is_named_with_its_version_and_licence(name):
    package = (check.CLIENT / "vendor" / name / "package.json").read_text(encoding="utf-8")
    built = check.STATIC / ("djust-sse-morph.js" if name == "idiomorph" else "djust-sse.js")
    version = package.split('"version": "')[1].split('"')[0]
    assert f"{name} {version}" in built.read_text(encoding="utf-8")
    licence = (check.CLIENT / "vendor" / name / "LICENSE").read_text(encoding="utf-8").strip()
    beside = [file.read_text(encoding="utf-8") for file in check.STATIC.glob("*.LICENSE.txt")]
    assert any(licence in text for text in [built.read_text(encoding="utf-8"), *beside])

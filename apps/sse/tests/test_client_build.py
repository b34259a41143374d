"""The built client: as its sources are, light, and with the licences of what it holds."""

import pytest

from apps.sse.client import check

STATIC = check.BUILT.parent


def test_the_built_client_is_that_of_its_sources_and_light():
    assert check.complaint() is None
    assert check.compressed_bytes() <= check.MOST_BYTES


@pytest.fixture
def built(tmp_path, monkeypatch):
    copy = tmp_path / "djust-sse.js"
    copy.write_bytes(check.BUILT.read_bytes())
    monkeypatch.setattr(check, "BUILT", copy)
    return copy


def test_a_stale_build_is_found(built):
    built.write_text(built.read_text(encoding="utf-8").replace(check.source_hash(), "0" * 64), encoding="utf-8")
    assert check.complaint() == check.STALE
    built.unlink()
    assert check.complaint() == check.STALE


def test_a_heavy_build_is_found(monkeypatch):
    monkeypatch.setattr(check, "MOST_BYTES", 100)
    assert "is to stay under 100" in check.complaint()


@pytest.mark.parametrize("name", ["eventsource-parser", "idiomorph"])
def test_what_is_vendored_is_named_with_its_version_and_licence(name):
    package = (check.CLIENT / "vendor" / name / "package.json").read_text(encoding="utf-8")
    built = STATIC / ("idiomorph.js" if name == "idiomorph" else "djust-sse.js")
    version = package.split('"version": "')[1].split('"')[0]
    assert f"{name} {version}" in built.read_text(encoding="utf-8")
    licence = (check.CLIENT / "vendor" / name / "LICENSE").read_text(encoding="utf-8").strip()
    beside = [file.read_text(encoding="utf-8") for file in STATIC.glob("*.LICENSE.txt")]
    assert any(licence in text for text in [built.read_text(encoding="utf-8"), *beside])

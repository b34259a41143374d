"""The served client is the one that its sources build, small, and with the licences of what it includes."""

import json
import os
import re
import shutil
import subprocess

import pytest

from apps.sse.client import check

NPM = shutil.which("npm")


def served(name):
    return (check.STATIC / name).read_text(encoding="utf-8")


def test_the_served_client_is_the_one_that_was_built_and_small():
    assert check.fault() is None


def test_sharing_advice_and_rare_attributes_are_loaded_when_needed():
    for part, words in {
        "sharing": ["navigator.locks.request"],
        "extras": ["sessionStorage", "has 5 open streams"],
    }.items():
        for text in words:
            assert text in served(f"djust-sse-{part}.js")
            assert text not in served("djust-sse.js")


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Check a copy of the client, which a test may change."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(check.CLIENT, tmp_path / "sse" / "client", ignore=ignored)
    shutil.copytree(check.STATIC, tmp_path / "sse" / "static" / "sse")
    monkeypatch.setattr(check, "CLIENT", tmp_path / "sse" / "client")
    monkeypatch.setattr(check, "STATIC", tmp_path / "sse" / "static" / "sse")
    return check


def test_a_changed_missing_or_additional_file_is_found_without_node(built):
    for name in built.record()["outputs"]:
        file = built.STATIC / name
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{text}alert(1)\n", encoding="utf-8")
        message = f"static/sse/{name} is not what was built. Run: make client"
        assert built.fault() == message
        file.unlink()
        assert built.fault() == message
        file.write_text(text, encoding="utf-8")
    (built.STATIC / "djust-sse-more.js").write_text("alert(1)", encoding="utf-8")
    assert built.fault() == "static/sse/djust-sse-more.js is not what was built. Run: make client"


def test_a_source_that_is_newer_than_the_build_is_found(built):
    for name in ("src/index.js", "build.js", "package-lock.json"):
        source = built.CLIENT / name
        text = source.read_text(encoding="utf-8")
        source.write_text(f"{text}\n", encoding="utf-8")
        assert built.fault() == "static/sse is older than its sources. Run: make client"
        source.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", check.BUDGETS)
def test_a_file_above_its_budget_is_found(monkeypatch, name):
    monkeypatch.setitem(check.BUDGETS, name, 100)
    assert f"{name} has " in check.fault()


@pytest.mark.soak
@pytest.mark.skipif(not (NPM and (check.CLIENT / "node_modules").exists()), reason="needs Node and `make check`")
def test_a_changed_file_whose_recorded_hash_was_changed_too_is_found_by_building_again(built):
    (built.CLIENT / "node_modules").symlink_to(check.Path(check.__file__).parent / "node_modules")
    with (built.STATIC / "djust-sse.js").open("a", encoding="utf-8") as script:
        script.write("alert(1)\n")
    record = built.record() | {"outputs": built.output_hashes()}
    (built.CLIENT / "build.json").write_text(json.dumps(record), encoding="utf-8")
    assert built.fault() is None
    environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    command = ["node", built.CLIENT / "build.js", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "djust-sse.js is not what the sources build" in done.stderr


@pytest.mark.parametrize(
    "name", ["djust-sse.js", "djust-sse-extras.js", "djust-sse-morph.js", "djust-sse-sharing.js"]
)
def test_each_script_has_a_source_map_beside_it_that_holds_its_sources(name):
    assert served(name).endswith(f"\n//# sourceMappingURL={name}.map\n")
    source_map = json.loads(served(f"{name}.map"))
    own = [path for path in source_map["sources"] if path.startswith("src/")]
    assert own
    for path, text in zip(source_map["sources"], source_map["sourcesContent"], strict=True):
        assert path not in own or text == (check.CLIENT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "script", "holder", "licence"),
    [
        ("eventsource-parser", "djust-sse.js", "djust-sse.esm.js", "Permission is hereby granted, free of charge"),
        ("idiomorph", "djust-sse-morph.js", "djust-sse-morph.js", "with or without fee is hereby granted"),
    ],
)
def test_an_included_library_is_named_with_its_version_and_licence(name, script, holder, licence):
    version = json.loads((check.CLIENT / "package.json").read_text(encoding="utf-8"))["dependencies"][name]
    assert f"includes {name} {version}" in served(script)
    assert holder == script or holder in served(script).partition("\n")[0]
    assert licence in served(holder)


def test_each_attribute_of_the_client_is_in_the_reference_and_in_the_guide():
    def attributes(*files):
        return set(re.findall(r"dj-sse(?:-[a-z]+)*", "".join(file.read_text(encoding="utf-8") for file in files)))

    apps = check.CLIENT.parents[1]
    used = attributes(*check.CLIENT.glob("src/*.js"))
    assert used == attributes(apps / "sse" / "README.md")
    assert used - {"dj-sse-share-key"} == attributes(
        apps / "guide" / "templates" / "guide" / "pages" / "client.html"
    )

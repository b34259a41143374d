"""The apps that a project may take out, and the tests that go with them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_APPS = ["dashboard", "feed", "guide", "notifications", "tasks"]
REMOVED = [app for app in SAMPLE_APPS if not (ROOT / "apps" / app).is_dir()]
# What a file says whose tests look which apps there are.
COPES = "Any sample app may be missing."


def needs_removed_app(file: Path) -> bool:
    """Return whether a file of tests names an app that was taken out, as a module, a URL or a name."""
    names = "|".join(REMOVED)
    if not names or not file.name.startswith("test_"):
        return False
    text = file.read_text(encoding="utf-8")
    about = rf"apps[./]({names})\b|[\"'/]({names})[\"'/]|\b({names})_|tests\.test_({names})\b"
    return COPES not in text and re.search(about, text) is not None

"""A team adds a language as README.md says."""

import re
import shutil
import subprocess

from template.tests.shell import run_python
from template.tests.test_removal import without
from tests.fixtures import need
from tests.servers import ROOT

ENGLISH = "locale/en/LC_MESSAGES/django.po"
PAGE = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
print(Client(headers={"host": "localhost", "accept-language": "de"}).get("/accounts/login/").text)
"""


def test_the_english_texts_of_packages_are_compiled():
    need(shutil.which("msgfmt"), "gettext")
    compiled = subprocess.run(["msgfmt", "-o", "-", ROOT / ENGLISH], check=True, capture_output=True).stdout
    assert (ROOT / ENGLISH).with_suffix(".mo").read_bytes() == compiled


def test_a_team_adds_a_language_and_gets_its_pages_in_it(tmp_path):
    need(shutil.which("msgfmt"), "gettext")
    copy = without([], tmp_path)
    (copy / ".venv").symlink_to(ROOT / ".venv")

    def make(*arguments):
        subprocess.run(["make", "-o", ".venv/ready", "messages", *arguments], cwd=copy, check=True)

    make("LANGUAGE=de")
    catalogue = copy / "locale" / "de" / "LC_MESSAGES" / "django.po"
    text = catalogue.read_text()
    files = {name for line in re.findall("^#: (.+)", text, re.MULTILINE) for name in line.split()}
    assert {name.split("/")[0] for name in files if "/" in name} <= {"apps", "templates", "project_template"}
    catalogue.write_text(text.replace('"Skip to content"\nmsgstr ""', '"Skip to content"\nmsgstr "Zum Inhalt"'))
    make()
    [settings] = copy.glob("*/settings.py")
    settings.write_text(
        settings.read_text().replace('("en", _("English"))', '("en", _("English")), ("de", _("German"))')
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": f"{settings.parent.name}.settings",
        "DATABASE_URL": "sqlite://:memory:",
    }
    page = run_python(copy, "-c", PAGE, DEBUG="1", **environment)
    assert '<html lang="de" dir="ltr"' in page
    assert (copy / ENGLISH).read_bytes() == (ROOT / ENGLISH).read_bytes(), "it has texts of packages"
    assert "Zum Inhalt</a>" in page

"""
Every text of the site is marked for translation: `_("Text")` in Python, `translate "Text"` in templates.

A test follows all links, except to the guide, which is in English. What is no text, such as code or a name, is in an
element with `translate="no"`.
"""

import re
from collections import Counter
from urllib.parse import urljoin, urlsplit

import pytest
from django.apps import apps
from django.conf import settings as project_settings
from django.contrib.auth.models import Permission
from django.db import models
from django.template.loader import render_to_string
from django.test import Client

from apps.dev.management.commands.demo import demo_modules
from template.tests import pseudo_language
from template.tests.pseudo_language import Page
from tests.browser.test_pages import PRIVATE_PAGES, PUBLIC_PAGES, installed

ADMIN = f"/{project_settings.ADMIN_PATH}/"
ERROR_PAGES = [path.name for path in (project_settings.BASE_DIR / "templates").glob("[45]*.html")]
TEXTS = {models.CharField, models.EmailField, models.TextField, models.URLField}
# Data of a test has no Latin letters, either.
GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπχρστυθωςζϟ")
# The admin of Django does not translate these.
DJANGO = {"Search", "True", "False"}
# Pages whose addresses differ only in numbers and in the query are alike.
MAX_ALIKE = 4


@pytest.fixture(autouse=True)
def _marked(monkeypatch, settings, tmp_path):
    settings.LANGUAGE_CODE, settings.LANGUAGES = pseudo_language.LANGUAGE_CODE, pseudo_language.LANGUAGES
    settings.MEDIA_ROOT = tmp_path
    pseudo_language.install(monkeypatch.setattr)


@pytest.fixture
def people(db, django_user_model):
    """The demo users, with the demo data of all apps in Greek letters."""
    for name in ("ada", "grace", "admin"):
        django_user_model.objects.create_user(name, is_staff=name == "admin", is_superuser=name == "admin")
    for module in demo_modules():
        module.seed()
    Permission.objects.all().delete()  # Django stores their names in English.
    for model in apps.get_models():
        if is_ours(model._meta.app_config) and model._meta.app_label != "sse":
            write_in_greek(model)
    return dict(zip(("user", "other", "staff"), django_user_model.objects.order_by("pk"), strict=True))


def is_ours(config) -> bool:
    """Return whether an app belongs to the project."""
    return config.name.startswith("apps.")


def write_in_greek(model) -> None:
    """Replace the letters in all texts of a table."""
    fields = [each.name for each in model._meta.fields if type(each) in TEXTS and not each.choices]
    rows = model._default_manager.all()
    for row in rows if fields else ():
        for name in fields:
            setattr(row, name, (getattr(row, name) or "").lower().translate(GREEK))
    if fields:
        model._default_manager.bulk_update(rows, fields, batch_size=100)


def untranslated() -> set[str]:
    """Return the site's name, and what Django and packages show without a translation."""
    names = {project_settings.SITE_NAME, project_settings.SITE_DESCRIPTION, *DJANGO}
    for config in apps.get_app_configs():
        if not is_ours(config):
            names.add(str(config.verbose_name))
            names |= {str(model._meta.verbose_name_plural).capitalize() for model in config.get_models()}
    return names


def is_page(address: str) -> bool:
    """Return whether a link leads to a page of this project; in the admin, of its own apps."""
    if address.startswith(ADMIN):
        label = address.removeprefix(ADMIN).partition("/")[0]
        return label in {config.label for config in apps.get_app_configs() if is_ours(config)}
    return address.startswith("/") and not address.startswith(("/api/", "/guide/", "/media/"))


def follow_links(client, data):
    """Yield the addresses and the pages of the site that a client finds."""
    waiting = ["/nothing/here/", *installed({ADMIN, *PUBLIC_PAGES, *PRIVATE_PAGES})]
    seen, alike = set(waiting), Counter()
    while waiting:
        address = waiting.pop()
        response = client.get(address)
        assert response.status_code < 500
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            continue
        yield address, (page := Page(response.text, data))
        for link in [*page.links, response.headers.get("Location", "")]:
            found = urljoin(address, link.partition("#")[0])
            kind = re.sub(r"\d+", "0", urlsplit(found).path)
            if found not in seen and is_page(found) and alike[kind] < MAX_ALIKE:
                alike[kind] += 1
                seen.add(found)
                waiting.append(found)


@pytest.mark.parametrize(
    ("role", "is_public"), [("visitor", True), ("visitor", False), ("user", False), ("staff", True)]
)
def test_every_text_of_every_page_and_of_every_empty_form_is_marked(people, settings, role, is_public):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = is_public
    client, data = Client(), untranslated()
    if role in people:
        client.force_login(people[role])
    pages = dict(follow_links(client, data))
    for address in [address for address, page in pages.items() if page.form]:
        pages[f"{address} sent"] = Page(client.post(address, follow=True).text, data)
    assert {address: page.unmarked for address, page in pages.items() if page.unmarked} == {}
    assert [address for address, page in pages.items() if page.depth] == []


@pytest.mark.parametrize("name", ERROR_PAGES)
def test_every_text_of_an_error_page_is_marked(rf, name):
    page = Page(render_to_string(name, request=rf.get("/")), untranslated())
    assert (page.unmarked, page.depth) == ([], 0)

"""The site's name and colour in pages, mails and the admin, and the metadata that other programs read."""

import io
import re

import pytest
from django.contrib import admin
from django.template.loader import render_to_string
from django.urls import reverse
from PIL import Image

from apps.site import brand

pytestmark = pytest.mark.django_db


def test_pages_and_error_pages_have_the_name_and_a_style_that_the_policy_allows(client, settings):
    settings.SITE_NAME = "Acme"
    response = client.get(reverse("account_login"))
    [style] = re.findall(r"<style>(.*?)</style>", response.text)
    assert settings.SITE_COLOR in style
    assert brand.csp_source(style) in response.headers["Content-Security-Policy"]
    for page in (response.text, render_to_string("500.html")):
        assert "· Acme</title>" in page
        assert f"<style>{style}</style>" in page
        assert 'href="/favicon.svg"' in page


def test_the_admin_has_the_name_the_colour_and_the_tokens(admin_client, settings):
    page = admin_client.get(reverse("admin:index")).text
    assert admin.site.site_header == admin.site.site_title == settings.SITE_NAME
    assert settings.SITE_STYLE in page
    assert "tokens.css" in page


def test_mails_have_the_name(client, ada, mailoutbox, settings):
    settings.SITE_NAME = "Acme"
    client.post(reverse("account_reset_password"), {"email": ada.email})
    assert "Hello from Acme!" in mailoutbox[0].body


def test_a_link_to_the_site_is_shown_with_a_description_and_a_picture(client):
    page = client.get(reverse("account_login")).text
    assert re.search(r'<meta name="description" property="og:description" content="[^"]+">', page)
    assert '<meta property="og:title" content="Sign in · ' in page
    assert '<meta property="og:image" content="http://testserver/social-card.png">' in page
    card = Image.open(io.BytesIO(client.get("/social-card.png").content))
    assert (card.format, card.size) == ("PNG", (1200, 630))


def test_browsers_find_an_icon_and_crawlers_the_excluded_paths(client, settings):
    icon = client.get("/favicon.ico")
    assert Image.open(io.BytesIO(icon.content)).format == "ICO"
    assert settings.SITE_COLOR in client.get("/favicon.svg").text
    assert icon.headers["Cache-Control"] == "public, max-age=86400"
    assert "Disallow: /accounts/" in client.get("/robots.txt").text


@pytest.mark.parametrize(
    ("color", "ink"), [("#1c5ac0", "#ffffff"), ("#ffd400", "#000000"), ("#ff0000", "#000000")]
)
def test_the_icon_uses_the_ink_with_more_contrast(client, settings, color, ink):
    settings.SITE_COLOR = color
    assert set(re.findall('(?:stroke|fill)="(#[^"]+)"', client.get("/favicon.svg").text)) == {color, ink}

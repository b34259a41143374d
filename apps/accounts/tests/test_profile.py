"""The profile: what a person chooses, exports and deletes."""

import io
import json

import pytest
from allauth.account.models import EmailAddress
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from apps.accounts import pictures
from apps.accounts.models import User
from apps.sse.testing import StreamClient
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(client, ada, settings, tmp_path):
    """A client in which ada is signed in."""
    settings.MEDIA_ROOT = tmp_path
    client.force_login(ada)
    return client


def picture(size=(640, 360), kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, kind)
    return SimpleUploadedFile("me.png", file.getvalue())


def save(client, **fields):
    return client.post(reverse("account_profile"), fields, follow=True)


@pytest.mark.django_db(transaction=True)
def test_a_saved_name_appears_in_the_header_of_open_pages(own):
    with StreamClient(own).open(reverse("header-stream")) as stream:
        page = save(own, first_name="Ada", last_name="<Lovelace>")
        assert "Profile saved." in page.text
        change = stream.next().data
    assert change["target"] == "#account-name"
    assert "Ada &lt;Lovelace&gt;" in change["html"]
    assert "Hello, Ada &lt;Lovelace&gt;" in own.get("/").text


@pytest.mark.django_db(transaction=True)
def test_a_picture_is_a_small_square_for_users_and_replaces_the_earlier_file(own, ada):
    for _ in range(2):
        save(own, picture=picture())
    ada.refresh_from_db()
    assert len(default_storage.listdir("people")[1]) == 1
    image = Image.open(io.BytesIO(b"".join(own.get(ada.picture_url).streaming_content)))
    assert (image.format, image.size) == ("WEBP", (pictures.SIDE_PIXELS, pictures.SIDE_PIXELS))
    assert ada.picture_url in own.get("/").text
    assert [own.get(f"/accounts/picture/{name}").status_code for name in ("..", "%00", "none.webp")] == [404] * 3
    save(own, **{"picture-clear": "on"})
    assert default_storage.listdir("people")[1] == []
    assert own.get(ada.picture_url).status_code == 404
    save(own, picture=picture())
    User.objects.filter(pk=ada.pk).delete()
    assert default_storage.listdir("people")[1] == [], "the picture is deleted with its user"
    assert own.get(ada.picture_url).status_code == 302


@pytest.mark.parametrize("content", [b"text", picture((5000, 2600), "WEBP").read()], ids=["text", "13 megapixels"])
def test_a_file_that_is_no_picture_or_too_large_is_refused(own, ada, content):
    page = save(own, first_name="Ada", picture=SimpleUploadedFile("me.png", content))
    assert 'id="id_picture_error"' in page.text
    ada.refresh_from_db()
    assert (ada.picture.name, ada.first_name) == ("", "")


def test_pages_are_in_the_chosen_language_and_time_zone(own, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    save(own, language="de", time_zone="Pacific/Kiritimati")
    page = own.get(reverse("account_email"))
    assert '<html lang="de"' in page.text
    assert page.headers["Content-Language"] == "de"
    assert 'id="id_time_zone_error"' in save(own, time_zone="Nowhere/City").text


def test_an_export_has_what_the_account_owns_and_no_secret(own, ada, grace):
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    EmailAddress.objects.create(user=grace, email="grace@example.com")
    answer = own.get(reverse("account_export"))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ada.json"'
    data = json.loads(answer.content)
    assert data["account"]["username"] == "ada"
    assert [row["email"] for row in data["account.emailaddress"]] == ["ada@example.com"]
    assert "password" not in answer.text


def test_an_account_is_deleted_after_its_password_was_entered_again(own, ada):
    url, login = reverse("account_delete"), reverse("account_reauthenticate")
    assert own.get(url).url.startswith(login)
    page = own.post(f"{login}?next=/", {"password": "wrong"})
    assert "Incorrect password." in page.text
    assert User.objects.filter(pk=ada.pk).exists()
    page = own.post(f"{login}?next={url}", {"password": PASSWORD, "next": url}, follow=True)
    assert "cannot be undone" in page.text
    assert "Your account is deleted." in own.post(url, follow=True).text
    assert not User.objects.filter(pk=ada.pk).exists()

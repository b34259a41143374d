"""The feed: refused input, untrusted files, and permissions."""

import io
import tracemalloc
import zipfile

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from PIL import Image

from apps.feed import demo, feed
from apps.feed.forms import PostForm
from apps.feed.models import Post

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ada(ada, client):
    """A user who is logged in."""
    client.force_login(ada)
    return ada


def picture(size=(900, 600), kind="PNG", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, kind)
    return SimpleUploadedFile("picture.png", file.getvalue(), f"image/{kind.lower()}")


def zip_bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", bytes(10 * 2**20))
    return file.getvalue()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": "x" * 2**20}, "text"),
        ({"text": "nothing\0here"}, "text"),
        ({"link": "ftp://example.com/"}, "link"),
    ],
    ids=["a megabyte", "NUL", "ftp"],
)
def test_invalid_input_is_refused_with_an_error_at_its_field(client, ada, changes, field):
    response = client.post("/feed/", {"text": "hello", **changes})
    assert list(response.context["form"].errors) == [field]
    assert Post.objects.count() == 0


def test_text_is_shown_as_text(client, ada):
    client.post("/feed/", {"text": "<script>alert(1)</script> \u202egnp.exe & <b>"})
    page = client.get("/feed/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \u202egnp.exe &amp; &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        (SimpleUploadedFile("a.png", b""), "empty"),
        (SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n"), "either not an image or a corrupted"),
        (SimpleUploadedFile("a.png", zip_bomb()), "either not an image or a corrupted"),
        (picture((8000, 6000), mode="1"), "more than 25 million pixels"),
        (picture((20000, 20000), mode="1"), "more than 25 million pixels"),
        (SimpleUploadedFile("a.svg", b"<svg/>"), "Allowed extensions are: jpg, jpeg, jfif, png, gif, webp."),
    ],
    ids=["0 bytes", "cut off", "zip bomb", "too many pixels", "bomb", "another format"],
)
def test_an_invalid_or_oversized_picture_is_refused(client, ada, upload, reason):
    response = client.post("/feed/", {"text": "look", "image": upload})
    [message] = response.context["form"].errors["image"]
    assert reason in message
    assert Post.objects.count() == 0


def test_a_picture_of_fifty_megabytes_is_refused_in_little_memory():
    upload = TemporaryUploadedFile("a.png", "image/png", 50_000_000, None)
    upload.write(picture((500, 500)).read())
    upload.truncate(50_000_000)
    upload.seek(0)
    tracemalloc.start()
    form = PostForm(files={"image": upload})
    [error] = form.errors["image"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "47.7" in error
    assert peak < 2**20


def test_a_file_outside_the_feed_folder_is_not_sent(client, ada, tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret.csv").touch()
    assert client.get("/media/feed/../private/secret.csv").status_code == 400
    client.post("/feed/", {"image": picture()})
    sent = client.get(Post.objects.get().image.url)
    assert sent.headers["Cache-Control"] == "private, max-age=3600"


def test_only_a_file_of_the_feed_folder_gets_a_signed_address(client, ada, settings):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage", "OPTIONS": {"base_url": "/signed/"}}
    }
    assert client.get("/media/feed/2026/11/a.webp").url == "/signed/feed/2026/11/a.webp"
    assert client.get("/media/feed/../private/secret.csv").status_code == 400


def test_bytes_after_a_picture_are_removed(client, ada):
    client.post("/feed/", {"image": SimpleUploadedFile("a.png", picture().read() + b"<script>")})
    assert b"<script>" not in Post.objects.get().image.read()


@pytest.mark.parametrize("permissions", [["view_post"], ["view_post", "delete_post"]])
def test_deleting_posts_in_the_admin_needs_the_permission(client, ada, permissions):
    ada.is_staff = True
    ada.save()
    ada.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    post = Post.objects.create(author=ada, text="hello")
    data = {"action": "delete_selected", "_selected_action": [post.pk], "post": "yes"}
    client.post("/admin/feed/post/", data)
    is_permitted = "delete_post" in permissions
    assert client.get(f"/admin/feed/post/{post.pk}/delete/").status_code == (302 if is_permitted else 403)
    assert Post.objects.exists() == (not is_permitted)


def test_staff_cannot_change_a_post_without_the_permission(client, ada, django_user_model):
    post = Post.objects.create(author=ada, text="hello")
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    for form in ("edit", "delete"):
        assert client.post(f"/feed/{post.pk}/{form}/", {"text": "mine"}).status_code == 404


@pytest.mark.parametrize("permission", ["change_post", "delete_post"])
def test_the_links_of_all_posts_are_shown_with_the_permission(client, ada, permission):
    link = {"change_post": ".post .post-edit", "delete_post": ".post .post-remove"}[permission]
    assert link not in client.get("/feed/").text
    ada.user_permissions.set(Permission.objects.filter(codename=permission))
    assert link in client.get("/feed/").text


def test_a_form_with_an_error_keeps_the_picture_marked_for_removal(client, ada):
    client.post("/feed/", {"image": picture()})
    form = client.post(f"/feed/{Post.objects.get().pk}/edit/", {"text": "x" * 10_000, "image-clear": "on"}).text
    assert 'id="image-clear_id" checked>' in form
    assert '<input type="file" name="image" accept' in form


@pytest.mark.parametrize("before", ["x", "-1", "", "1" * 40, "1.5"])
def test_an_invalid_page_of_the_feed_is_a_bad_request(client, ada, before):
    assert client.get("/feed/", {"before": before}).status_code == 400


def test_demo_posts_are_added_once_and_only_for_users_that_exist(ada):
    demo.seed()
    posts = [*Post.objects.order_by("pk")]
    hers = [text for name, text, *_ in demo.SEED if name == "ada"]
    assert [post.text for post in posts if post.text not in demo.NEWS] == hers
    assert {post.author for post in posts} == {ada}
    demo.seed()
    assert [*Post.objects.order_by("pk")] == posts
    demo.tick()
    assert Post.objects.latest("pk").author == ada


@pytest.mark.parametrize("deleted", ["before the form is sent", "while it is saved"])
def test_an_edit_of_a_deleted_post_keeps_the_text_and_the_post_stays_deleted(client, ada, monkeypatch, deleted):
    post = Post.objects.create(author=ada, text="first")
    change = feed.change

    def change_after_deletion(edited):
        Post.objects.filter(pk=post.pk).delete()
        change(edited)

    monkeypatch.setattr(feed, "change", change_after_deletion)
    if deleted == "before the form is sent":
        Post.objects.all().delete()
    published = []
    monkeypatch.setattr(feed, "publish_html", lambda *args, **kwargs: published.append(args))
    response = client.post(f"/feed/{post.pk}/edit/", {"text": "my long text"})
    assert response.status_code == 410
    assert "This post was deleted." in response.text
    assert "my long text" in response.text
    assert not Post.objects.exists()
    assert published == []


def test_an_edit_of_what_another_user_wrote_is_not_found(client, ada, grace):
    post = Post.objects.create(author=grace, text="first")
    assert client.post(f"/feed/{post.pk}/edit/", {"text": "mine"}).status_code == 404

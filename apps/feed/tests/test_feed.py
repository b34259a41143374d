"""The feed: permissions, pictures, and the events that open pages receive."""

import io
import re

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.feed import feed, images
from apps.feed.models import Post
from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db

STREAM = "/api/feed/stream/"
# "now" may be "1 second ago" a moment later.
AGE = re.compile(r"[^<>]*(?=</time>)")


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ada(ada, client):
    """A user who is logged in."""
    client.force_login(ada)
    return ada


def picture(size=(900, 600), kind="PNG", name="picture.png", **options):
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind, **options)
    return SimpleUploadedFile(name, file.getvalue(), f"image/{kind.lower()}")


def test_an_open_page_receives_each_change_once_and_in_order(
    client, ada, grace, django_capture_on_commit_callbacks
):
    with StreamClient().open(STREAM, user=grace) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/feed/", {"text": "<i>hello</i>"})
            post = Post.objects.get()
            client.post(f"/feed/{post.pk}/edit/", {"text": "changed"})
            client.post(f"/feed/{post.pk}/delete/")
        posted, changed, removed = (stream.next() for _ in range(3))
    assert posted.name == "post"
    assert "&lt;i&gt;hello&lt;/i&gt;" in posted.data["html"]
    assert (changed.name, changed.data["target"], changed.data["mode"]) == ("html", f"#post-{post.pk}", "outer")
    assert "changed" in changed.data["html"]
    assert removed.data == {"target": f"#post-{post.pk}", "html": "", "mode": "remove"}


def test_a_page_that_reconnects_receives_the_missed_posts(client, ada, django_capture_on_commit_callbacks):
    def post(text):
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/feed/", {"text": text})

    with StreamClient(client).open(STREAM) as stream:
        post("first")
        seen = stream.next().id
    post("missed")
    with StreamClient(client).open(STREAM, last_event_id=seen) as stream:
        assert "missed" in stream.next().data["html"]
        stream.assert_no_event()


def test_a_post_on_the_stream_is_rendered_as_on_the_page(client, ada, django_capture_on_commit_callbacks):
    with StreamClient(client).open(STREAM) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/feed/", {"text": "hello\nhttps://example.com", "image": picture()})
        streamed, page = stream.next().data["html"].strip(), client.get("/feed/").text
        assert AGE.sub("", streamed) in AGE.sub("", page)


def test_a_post_deleted_in_the_admin_disappears_from_open_pages(
    admin_client, ada, django_capture_on_commit_callbacks
):
    post = Post.objects.create(author=ada, text="hello")
    with StreamClient().open(STREAM, user=ada) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            data = {"action": "delete_selected", "_selected_action": [post.pk], "post": "yes"}
            admin_client.post("/admin/feed/post/", data)
        assert stream.next().data == {"target": f"#post-{post.pk}", "html": "", "mode": "remove"}


def test_a_post_that_cannot_be_published_is_not_saved(ada, monkeypatch):
    monkeypatch.setattr(feed, "publish", None)
    with pytest.raises(TypeError):
        feed.add(Post(author=ada, text="never"))
    assert not Post.objects.exists()


def test_pages_and_stream_are_for_logged_in_users(client, ada):
    post = Post.objects.create(author=ada, text="hello")
    client.logout()
    for url in ("/feed/", f"/feed/{post.pk}/", f"/feed/{post.pk}/edit/", f"/feed/{post.pk}/delete/"):
        assert client.get(url).status_code == 302
    assert client.get(STREAM).status_code == 403


PERMISSIONS = {
    "its author": ("ada", [], True, True),
    "another user": ("grace", [], False, False),
    "an editor": ("grace", ["change_post"], True, False),
    "a moderator": ("grace", ["delete_post"], False, True),
}


@pytest.mark.parametrize(("name", "permissions", "edits", "deletes"), PERMISSIONS.values(), ids=PERMISSIONS)
def test_a_post_is_changed_and_deleted_by_its_author_and_with_a_permission(
    client, ada, grace, name, permissions, edits, deletes
):
    user = {"ada": ada, "grace": grace}[name]
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    post = Post.objects.create(author=ada, text="before")
    edit, delete = f"/feed/{post.pk}/edit/", f"/feed/{post.pk}/delete/"
    assert [client.get(url).status_code == 200 for url in (edit, delete)] == [edits, deletes]
    client.post(edit, {"text": "after"})
    assert Post.objects.get().text == ("after" if edits else "before")
    client.post(delete)
    assert Post.objects.exists() == (not deletes)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"text": " "}, "__all__"),
        ({"text": "x" * 2001}, "text"),
        ({"text": "hello", "link": "javascript:alert(1)"}, "link"),
        ({"text": "hello", "image": SimpleUploadedFile("a.png", b"<svg onload=alert(1)>")}, "image"),
        ({"text": "hello", "image": SimpleUploadedFile("a.html", b"<html>")}, "image"),
    ],
    ids=["empty", "too long", "script", "no picture", "wrong name"],
)
def test_invalid_input_is_refused_with_an_error_at_its_field(client, ada, form, field):
    response = client.post("/feed/", form)
    assert list(response.context["form"].errors) == [field]
    assert not Post.objects.exists()


def test_a_picture_is_encoded_again_upright_and_without_its_metadata(client, ada):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    response = client.post("/feed/", {"image": picture((1000, 4000), "JPEG", "a.jpg", exif=exif)}, follow=True)
    post = Post.objects.get()
    with Image.open(post.image) as image, Image.open(post.thumbnail) as thumbnail:
        assert (image.format, image.size) == ("WEBP", (images.IMAGE_PIXELS, 400))
        assert thumbnail.size == (images.THUMBNAIL_PIXELS, 120)
    assert b"where I live" not in post.image.open().read()
    assert f'width="{images.THUMBNAIL_PIXELS}" height="120"' in response.text


def test_a_picture_is_sent_to_logged_in_users_only(client, ada):
    client.post("/feed/", {"image": picture()})
    url = Post.objects.get().image.url
    assert client.get(url).headers["Content-Type"] == "image/webp"
    client.logout()
    assert client.get(url).url == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("owner", ["post", "author"])
def test_a_picture_is_deleted_when_it_is_replaced_and_with_its_post_or_author(
    client, ada, tmp_path, django_capture_on_commit_callbacks, owner
):
    client.post("/feed/", {"image": picture()})
    post = Post.objects.get()
    first = {*tmp_path.rglob("*.webp")}
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/feed/{post.pk}/edit/", {"image": picture()})
    second = {*tmp_path.rglob("*.webp")}
    assert (len(first), len(second), first & second) == (2, 2, set())
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/feed/{post.pk}/delete/") if owner == "post" else ada.delete()
    assert not [*tmp_path.rglob("*.webp")]


def test_older_posts_follow_page_by_page(client, ada, django_assert_max_num_queries):
    for n in range(45):
        Post.objects.create(author=ada, text=f"number {n}")
    seen, counts, url = [], set(), "/feed/"
    while url:
        with django_assert_max_num_queries(20) as queries:
            page = client.get(url)
        counts.add(len(queries))
        seen += [post.text for post in page.context["posts"]]
        url = page.context["has_older"] and f"/feed/?before={page.context['posts'][-1].pk}"
    assert seen == [f"number {n}" for n in reversed(range(45))]
    assert len(counts) == 1  # the same for twenty posts as for five


def test_a_user_who_posts_too_often_sees_how_long_to_wait_and_keeps_the_text(
    client, ada, grace, settings, monkeypatch
):
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    monkeypatch.setattr("apps.sse.access.limits.time.time", lambda: 1_200_000_020.0)
    monkeypatch.setattr(images, "resize", None)  # nothing is decoded
    client.post("/feed/", {"text": "first"})
    post = Post.objects.get()
    for path in ("/feed/", f"/feed/{post.pk}/edit/"):
        refused = client.post(path, {"text": "a long story", "image": picture()})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
        assert "Your text is still here: post it in 40 seconds." in refused.text
        assert "a long story</textarea>" in refused.text
    assert client.post(f"/feed/{post.pk}/delete/").status_code == 429
    client.force_login(grace)
    assert client.post("/feed/", {"text": "others may"}).status_code == 302


def test_the_first_page_shows_the_newest_posts_and_the_number_of_posts(client, ada):
    Post.objects.bulk_create(Post(author=ada, text=f"Post {number}") for number in range(1234))
    page = client.get("/").text
    assert "Post 1233" in page
    assert 'dj-sse-field="feed">1,234<' in page

import io
import tracemalloc
import zipfile

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from PIL import Image

from apps.feed import feed, images
from apps.feed.forms import PostForm
from apps.feed.models import Post
from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def grace(django_user_model):
    return django_user_model.objects.create_user("grace")


@pytest.fixture
def staff(django_user_model):
    return django_user_model.objects.create_user("staff", is_staff=True)


def picture(size=(900, 600), kind="PNG", name="picture.png", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, kind)
    return SimpleUploadedFile(name, file.getvalue(), f"image/{kind.lower()}")


def zip_bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", bytes(10 * 2**20))
    return file.getvalue()


def errors_of(response):
    assert response.status_code == 200
    return [message for messages in response.context["form"].errors.values() for message in messages]


def test_what_was_posted_is_at_the_top_of_the_feed(client, ada):
    client.force_login(ada)
    client.post("/feed/", {"text": "first"})
    answer = client.post("/feed/", {"text": "second", "link": "https://example.com/page"}, follow=True)
    assert [post.text for post in answer.context["posts"]] == ["second", "first"]
    assert 'href="https://example.com/page"' in answer.text


def test_the_feed_is_for_those_who_are_logged_in(client, ada):
    post = Post.objects.create(author=ada, text="hello")
    for url in ("/feed/", f"/feed/{post.pk}/", f"/feed/{post.pk}/edit/", f"/feed/{post.pk}/delete/"):
        assert client.get(url).status_code == 302
    assert client.get("/api/feed/stream/").status_code == 403


def test_an_empty_post_is_refused_and_says_what_to_do(client, ada):
    client.force_login(ada)
    assert errors_of(client.post("/feed/", {"text": "  "})) == ["Write something, or add a link or an image."]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"text": "x" * 2001}, "text"),
        ({"text": "x" * 2**20}, "text"),
        ({"text": "nothing\0here"}, "text"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "ftp://example.com/"}, "link"),
    ],
    ids=["too long", "a megabyte", "NUL", "script", "ftp"],
)
def test_what_cannot_be_shown_is_refused_beside_its_field(client, ada, given, named):
    client.force_login(ada)
    answer = client.post("/feed/", {"text": "hello", **given})
    assert list(answer.context["form"].errors) == [named]
    assert Post.objects.count() == 0


def test_what_a_person_wrote_is_shown_as_text(client, ada):
    client.force_login(ada)
    text = "<script>alert(1)</script> \u202egnp.exe & <b>"
    client.post("/feed/", {"text": text})
    page = client.get("/feed/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \u202egnp.exe &amp; &lt;b&gt;" in page


def test_a_picture_is_written_anew_and_gets_a_thumbnail(client, ada):
    client.force_login(ada)
    answer = client.post("/feed/", {"image": picture((4000, 1000))}, follow=True)
    post = Post.objects.get()
    with Image.open(post.image) as image, Image.open(post.thumbnail) as thumbnail:
        assert (image.format, image.size) == ("WEBP", (images.IMAGE_PIXELS, 400))
        assert thumbnail.size == (images.THUMBNAIL_PIXELS, 120)
    assert f'width="{images.THUMBNAIL_PIXELS}" height="120"' in answer.text


def test_what_is_hidden_in_a_picture_is_gone_and_it_stands_upright(client, ada):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    Image.new("RGB", (40, 20), "teal").save(file, "JPEG", exif=exif)
    client.force_login(ada)
    client.post("/feed/", {"image": SimpleUploadedFile("a.jpg", file.getvalue() + b"<script>", "image/jpeg")})
    stored = Post.objects.get().image.read()
    assert b"where I live" not in stored
    assert b"<script>" not in stored
    assert Image.open(io.BytesIO(stored)).size == (20, 40)


def test_a_picture_is_for_those_who_may_see_the_feed(client, ada, tmp_path):
    client.force_login(ada)
    client.post("/feed/", {"image": picture()})
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret.csv").touch()
    url = Post.objects.get().image.url
    sent = client.get(url)
    assert (sent.headers["Content-Type"], sent.headers["Cache-Control"]) == ("image/webp", "private, max-age=3600")
    assert sent.getvalue().startswith(b"RIFF")
    assert client.get("/media/feed/../private/secret.csv").status_code == 400
    client.logout()
    assert client.get(url).url == f"/accounts/login/?next={url}"


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        (SimpleUploadedFile("a.png", b""), "empty"),
        (SimpleUploadedFile("a.png", b"<svg onload=alert(1)>"), "either not an image or a corrupted"),
        (SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n"), "either not an image or a corrupted"),
        (SimpleUploadedFile("a.png", zip_bomb()), "either not an image or a corrupted"),
        (picture(name="a.html"), "extension"),
        (picture((8000, 6000), mode="1"), "more than 25 million pixels"),
        (picture((20000, 20000), mode="1"), "more than 25 million pixels"),
    ],
    ids=["0 bytes", "SVG", "cut off", "zip bomb", "wrong name", "too many pixels", "bomb"],
)
def test_a_file_that_is_no_picture_or_a_bomb_is_refused(client, ada, upload, reason):
    client.force_login(ada)
    [error] = errors_of(client.post("/feed/", {"text": "look", "image": upload}))
    assert reason in error
    assert Post.objects.count() == 0


def test_a_picture_of_fifty_megabytes_is_refused_in_little_memory():
    upload = TemporaryUploadedFile("a.bmp", "image/bmp", 50_000_000, None)
    upload.write(picture((500, 500), "BMP").read())
    upload.truncate(50_000_000)
    upload.seek(0)
    tracemalloc.start()
    form = PostForm(files={"image": upload})
    [error] = form.errors["image"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "47.7" in error
    assert peak < 2**20


NOBODYS = {"edit": False, "delete": False}
POWERS = {
    "its author": ("ada", [], {"edit": True, "delete": True}),
    "another user": ("grace", [], NOBODYS),
    "staff without a permission": ("staff", [], NOBODYS),
    "an editor": ("grace", ["change_post"], {"edit": True, "delete": False}),
    "a moderator": ("staff", ["delete_post"], {"edit": False, "delete": True}),
}


@pytest.mark.parametrize(("name", "permissions", "powers"), POWERS.values(), ids=POWERS)
def test_a_post_is_changed_and_deleted_by_its_author_and_with_a_permission(
    client, ada, grace, staff, name, permissions, powers
):
    user = {"ada": ada, "grace": grace, "staff": staff}[name]
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    post = Post.objects.create(author=ada, text="before")
    style = client.get("/feed/").text
    shown_on_all = {"edit": ".post .post-edit" in style, "delete": ".post .post-remove" in style}
    assert shown_on_all == (NOBODYS if user == ada else powers)
    for form, may in powers.items():
        assert client.get(f"/feed/{post.pk}/{form}/").status_code == (200 if may else 404)
    edited = client.post(f"/feed/{post.pk}/edit/", {"text": "after"})
    assert (edited.status_code, Post.objects.get().text) == ((302, "after") if powers["edit"] else (404, "before"))
    deleted = client.post(f"/feed/{post.pk}/delete/")
    assert (deleted.status_code, Post.objects.exists()) == ((302, False) if powers["delete"] else (404, True))


@pytest.mark.parametrize("permissions", [["view_post"], ["view_post", "delete_post"]])
def test_in_the_admin_posts_are_deleted_with_a_permission_only(client, ada, staff, permissions):
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(staff)
    post = Post.objects.create(author=ada, text="hello")
    data = {"action": "delete_selected", "_selected_action": [post.pk], "post": "yes"}
    client.post("/admin/feed/post/", data)
    may = "delete_post" in permissions
    assert client.get(f"/admin/feed/post/{post.pk}/delete/").status_code == (302 if may else 403)
    assert Post.objects.exists() == (not may)


def test_deleting_asks_first(client, ada):
    client.force_login(ada)
    post = Post.objects.create(author=ada, text="hello")
    assert "Delete this post?" in client.get(f"/feed/{post.pk}/delete/").text
    assert Post.objects.exists()


def test_a_form_with_an_error_keeps_the_box_that_removes_the_picture(client, ada):
    client.force_login(ada)
    client.post("/feed/", {"image": picture()})
    form = client.post(f"/feed/{Post.objects.get().pk}/edit/", {"text": "x" * 10_000, "image-clear": "on"}).text
    assert 'id="image-clear_id" checked>' in form
    assert '<input type="file" name="image" accept' in form


def test_a_picture_is_deleted_with_its_post_or_when_it_is_replaced(
    client, ada, tmp_path, django_capture_on_commit_callbacks
):
    client.force_login(ada)
    client.post("/feed/", {"image": picture()})
    post = Post.objects.get()
    first = {file.name for file in tmp_path.rglob("*.webp")}
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/feed/{post.pk}/edit/", {"image": picture()})
    second = {file.name for file in tmp_path.rglob("*.webp")}
    assert (len(first), len(second), first & second) == (2, 2, set())
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/feed/{post.pk}/delete/")
    assert not [*tmp_path.rglob("*.webp")]


def test_older_posts_are_a_page_further(client, ada):
    for n in range(45):
        Post.objects.create(author=ada, text=f"number {n}")
    client.force_login(ada)
    seen, url = [], "/feed/"
    while url:
        page = client.get(url)
        seen += [post.text for post in page.context["posts"]]
        url = page.context["has_older"] and f"/feed/?before={page.context['posts'][-1].pk}"
    assert seen == [f"number {n}" for n in reversed(range(45))]


@pytest.mark.parametrize("before", ["x", "-1", "", "1" * 40, "1.5"])
def test_a_place_that_is_none_is_a_bad_request(client, ada, before):
    client.force_login(ada)
    assert client.get("/feed/", {"before": before}).status_code == 400


def test_the_number_of_queries_does_not_grow_with_the_posts(client, ada, grace, django_assert_max_num_queries):
    client.force_login(ada)
    for n in range(20):
        Post.objects.create(author=[ada, grace][n % 2], text=str(n))
    with django_assert_max_num_queries(6):
        client.get("/feed/")


def test_everybody_hears_what_happens_once_and_in_order(client, ada, grace, django_capture_on_commit_callbacks):
    with StreamClient().open("/api/feed/stream/", user=grace) as stream:
        client.force_login(ada)
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


def test_what_comes_live_is_what_a_reload_shows(client, ada, django_capture_on_commit_callbacks):
    client.force_login(ada)
    with StreamClient(client).open("/api/feed/stream/") as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/feed/", {"text": "hello\nhttps://example.com", "image": picture()})
        assert stream.next().data["html"].strip() in client.get("/feed/").text


def test_a_post_deleted_in_the_admin_goes_from_all_pages(admin_client, ada, django_capture_on_commit_callbacks):
    post = Post.objects.create(author=ada, text="hello")
    user = get_user_model().objects.get(username="ada")
    with StreamClient().open("/api/feed/stream/", user=user) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            data = {"action": "delete_selected", "_selected_action": [post.pk], "post": "yes"}
            admin_client.post("/admin/feed/post/", data)
        assert stream.next().data == {"target": f"#post-{post.pk}", "html": "", "mode": "remove"}


def test_a_post_that_is_rolled_back_is_told_to_nobody(ada, grace, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(feed, "publish", fail)
    form = feed_form(text="never")
    with pytest.raises(ZeroDivisionError):
        feed.add(form, ada)
    assert Post.objects.count() == 0


def feed_form(**data):
    form = PostForm(data)
    assert form.is_valid()
    return form


def test_who_posts_too_often_is_told_when_to_go_on_and_keeps_what_was_typed(
    client, ada, grace, settings, monkeypatch
):
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 2
    monkeypatch.setattr("apps.sse.rates.time.time", lambda: 1_200_000_020.0)
    monkeypatch.setattr(images, "sizes", None)  # nothing is decoded
    client.force_login(ada)
    client.post("/feed/", {"text": "first"})
    post = Post.objects.get()
    client.post(f"/feed/{post.pk}/edit/", {"text": "second"})
    for path in ("/feed/", f"/feed/{post.pk}/edit/"):
        refused = client.post(path, {"text": "a long story", "image": picture()})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
        assert "Your text is still here: post it in 40 seconds." in refused.text
        assert "a long story</textarea>" in refused.text
    refused = client.post(f"/feed/{post.pk}/delete/")
    assert (refused.status_code, "try again in 40 seconds" in refused.text) == (429, True)
    assert Post.objects.get().text == "second"
    client.force_login(grace)
    assert client.post("/feed/", {"text": "others may"}).status_code == 302

import io
import re
import tracemalloc
import zipfile
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import AsyncRequestFactory, Client
from django.urls import resolve, reverse
from django.views.defaults import page_not_found

from apps.tasks import demo, example, life
from apps.tasks.downloads import download
from apps.tasks.forms import ImportForm
from apps.tasks.models import Contact, Task

pytestmark = pytest.mark.django_db

GOOD = "name,email\nAda,ada@example.com\n"
MIB = 1024 * 1024


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


def upload(client, data, name="contacts.csv"):
    data = data.encode() if isinstance(data, str) else data
    return client.post("/tasks/", {"file": SimpleUploadedFile(name, data)})


def zip_bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("contacts.csv", b"name,email\n" * MIB)
    return file.getvalue()


def test_pages_and_streams_are_where_everything_expects_them():
    assert reverse("tasks") == "/tasks/"
    assert reverse("task-progress") == "/api/tasks/progress/"


def test_a_visitor_is_sent_to_the_login_and_back(client, settings):
    for path in ("/tasks/", "/tasks/1/"):
        assert client.get(path).url == f"{settings.LOGIN_URL}?next={path}"
    assert client.get("/tasks/1/errors.csv").status_code == 302


def test_a_list_without_tasks_says_how_to_start_one(signed_in):
    page = signed_in.get("/tasks/").text
    assert "No finished tasks yet" in page
    assert "Import contacts first" in page
    assert "/tasks/export/" not in page


def test_an_upload_is_shown_before_it_is_started(signed_in):
    answer = upload(signed_in, "name,email,age\nAda,ada@example.com,36\nGrace,nonsense,\n")
    page = signed_in.get(answer.url).text
    assert "Start import" in page
    assert "<bdi>ada@example.com</bdi>" in page
    assert "The email address is not valid." in page
    assert "<bdi>age</bdi>" in page
    assert Contact.objects.count() == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "Line 1 is not UTF-8 text."),
        ("Zoë;x".encode("latin-1"), "is not UTF-8 text"),
        (GOOD.encode("utf-16"), "is not UTF-8 text"),
        (zip_bomb(), "is not UTF-8 text"),
        ("vorname,mail\nAda,a@example.com\n", "Missing: name, email. Found: vorname, mail."),
        ("name\nAda\n", "Missing: email."),
        ("name,email,Name\nA,b@example.com,C\n", "several columns named name"),
        ("name,email\n\n", "The file has no rows"),
        ("<script>alert(1)</script>\nx\n", "Found: &lt;script&gt;alert(1)&lt;/script&gt;."),
        ("x" * MIB + "\n", "The row is longer than"),
        ("x," * 20_000 + "\nx\n", "…"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_said_why(signed_in, data, told):
    answer = upload(signed_in, data)
    assert answer.status_code == 200
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert len(answer.text) < 30_000
    assert not Task.objects.exists()


def test_a_file_that_is_too_large_is_refused_by_its_size(signed_in, settings):
    settings.TASKS_MAX_UPLOAD_BYTES = 100
    answer = upload(signed_in, GOOD + "x" * 100)
    assert "The limit is 100\xa0bytes." in answer.text


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"name,email\n" + b"a" * MIB])
def test_fifty_megabytes_are_looked_through_in_little_memory(start):
    file = TemporaryUploadedFile("photo.csv", "text/csv", 50_000_000, None)
    file.write(start)
    file.truncate(50_000_000)
    file.seek(0)
    tracemalloc.start()
    form = ImportForm(files={"file": file})
    assert not form.is_valid()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MIB


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.csv", "\u202evsc.exe", "../../etc/passwd", "x" * 190])
def test_a_file_of_any_name_is_shown_as_text_and_kept_under_a_name_of_ours(signed_in, name, settings):
    task = Task.objects.get(pk=upload(signed_in, GOOD, name).url.split("/")[2])
    assert task.file.path.startswith(f"{settings.MEDIA_ROOT}/private/tasks/")
    assert name not in task.file.name
    for page in (signed_in.get("/tasks/").text, signed_in.get(f"/tasks/{task.pk}/").text):
        assert "<script>alert" not in page
        assert "<bdi>" in page


def test_hostile_rows_are_shown_as_text(signed_in):
    answer = upload(signed_in, "name,email\n<script>alert(1)</script>,a@example.com\n\u202egrace,<b>\n")
    page = signed_in.get(answer.url).text
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in page
    assert '<bdi class="muted">\u202egrace,&lt;b&gt;' in page


def test_uploads_cannot_be_fetched_by_their_address(signed_in, settings):
    task = Task.objects.get(pk=upload(signed_in, GOOD).url.split("/")[2])
    assert resolve(f"/media/{task.file.name}").func is page_not_found, "before a development server's own route"
    assert signed_in.get(f"/media/{task.file.name}").status_code == 404
    assert (settings.MEDIA_ROOT / task.file.name).stat().st_mode & 0o027 == 0


def test_buttons_do_what_they_say(signed_in, import_of):
    task = import_of(GOOD)
    for action, state in (("start", "waiting"), ("cancel", "cancelled"), ("retry", "waiting")):
        assert signed_in.post(f"/tasks/{task.pk}/{action}/").url == f"/tasks/{task.pk}/"
        task.refresh_from_db()
        assert task.state == state
    signed_in.post(f"/tasks/{task.pk}/cancel/", {"list": ""})
    assert signed_in.post(f"/tasks/{task.pk}/delete/").url == "/tasks/"
    assert not Task.objects.exists()


@pytest.mark.parametrize("action", ["cancel", "retry", "delete", "start"])
def test_a_button_that_comes_too_late_says_so(signed_in, import_of, work, action):
    task = work(import_of(GOOD)) if action != "delete" else import_of(GOOD)
    if action == "delete":
        signed_in.post(f"/tasks/{task.pk}/start/")
    page = signed_in.post(f"/tasks/{task.pk}/{action}/", follow=True).text
    assert "This is no longer possible" in page
    assert Task.objects.exists()


def test_a_user_has_so_many_tasks_under_way_and_no_more(signed_in, import_of, grace):
    tasks = []
    for _ in range(life.MOST_UNDER_WAY + 1):
        tasks.append(import_of(GOOD))
        page = signed_in.post(f"/tasks/{tasks[-1].pk}/start/", follow=True).text
    assert "You have 5 unfinished tasks, which is the limit." in page
    assert "which is the limit" in signed_in.post("/tasks/export/", follow=True).text
    assert life.start(import_of(GOOD, owner=grace)), "others' tasks do not count"
    life.cancel(tasks[0])
    signed_in.post(f"/tasks/{tasks[-1].pk}/start/")
    assert Task.objects.filter(owner=tasks[0].owner, state="waiting").count() == life.MOST_UNDER_WAY
    assert "which is the limit" in signed_in.post(f"/tasks/{tasks[0].pk}/retry/", follow=True).text


def test_buttons_that_are_pressed_too_often_do_nothing_and_say_so(signed_in, import_of, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.rates.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    task = import_of(GOOD)
    assert signed_in.post(f"/tasks/{task.pk}/start/").status_code == 302
    refused = signed_in.post(f"/tasks/{task.pk}/cancel/")
    assert (refused.status_code, "Go back and try again in" in refused.text) == (429, True)
    assert signed_in.post("/tasks/export/").status_code == 429
    assert upload(signed_in, GOOD).status_code == 429
    assert signed_in.get("/tasks/").status_code == 200
    assert Task.objects.get().state == "waiting"


def test_buttons_need_a_post_with_a_token(signed_in, import_of, ada):
    task = import_of(GOOD)
    assert signed_in.get(f"/tasks/{task.pk}/start/").status_code == 405
    assert signed_in.post(f"/tasks/{task.pk}/explode/").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    for path in (f"/tasks/{task.pk}/start/", "/tasks/export/", "/tasks/"):
        assert strict.post(path).status_code == 403


def every_path(task):
    yield from ((path, "get") for path in (f"/tasks/{task.pk}/", f"/tasks/{task.pk}/errors.csv"))
    yield from ((f"/tasks/{task.pk}/{action}/", "post") for action in ("start", "cancel", "retry", "delete"))
    yield f"/tasks/{task.pk}/contacts.csv", "get"
    yield f"/api/tasks/progress/?task_id={task.pk}", "get"


def test_a_task_of_others_is_as_if_there_were_none(client, grace, import_of):
    task = import_of(GOOD)
    client.force_login(grace)
    for path, method in every_path(task):
        foreign, unknown = (getattr(client, method)(each) for each in (path, path.replace(str(task.pk), "987654")))
        assert (foreign.status_code, unknown.status_code) == (404, 404), path
        assert len(foreign.content) == len(unknown.content) or "987654" in unknown.text
    assert client.get("/tasks/").text.count("contacts.csv") == 0
    task.refresh_from_db()
    assert task.state == "draft"


@pytest.mark.parametrize("key", ["", "x", "1.5", "-1", "0", "9" * 40, "%00", "1%20OR%201=1"])
def test_a_key_that_cannot_be_one_is_an_unknown_one(signed_in, import_of, key):
    import_of(GOOD)
    assert signed_in.get(f"/api/tasks/progress/?task_id={key}").status_code == 404
    assert signed_in.get("/api/tasks/progress/").status_code == 404


def test_staff_see_a_task_and_whose_it_is(admin_client, import_of, grace):
    task = import_of(GOOD)
    assert "of ada" in admin_client.get(f"/tasks/{task.pk}/").text
    assert admin_client.post(f"/tasks/{task.pk}/start/").status_code == 302


def test_staff_see_and_do_with_anothers_task_what_they_have_the_permission_for(client, import_of, grace):
    task = import_of(GOOD)
    grace.is_staff = True
    grace.save()
    client.force_login(grace)

    def statuses():
        return (
            client.get(f"/tasks/{task.pk}/").status_code,
            client.post(f"/tasks/{task.pk}/start/").status_code,
            client.post(f"/tasks/{task.pk}/delete/").status_code,
        )

    assert statuses() == (404, 404, 404)
    for codename, expected in {
        "view_task": (200, 403, 403),
        "change_task": (200, 302, 403),
        "delete_task": (200, 302, 302),
    }.items():
        grace.user_permissions.add(Permission.objects.get(codename=codename))
        assert statuses() == expected


def test_errors_and_exports_are_downloaded(signed_in, import_of, export_of, work, ada):
    task = work(import_of("name,email\nAda,ada@example.com\nGrace,\n"))
    answer = signed_in.get(f"/tasks/{task.pk}/errors.csv")
    assert answer["Content-Disposition"] == f'attachment; filename="task-{task.pk}-errors.csv"'
    assert answer.getvalue().decode().splitlines() == ["line,reason,row", '3,The email is missing.,"Grace,"']
    export = export_of(ada)
    assert signed_in.get(f"/tasks/{export.pk}/contacts.csv").status_code == 404, "it is not written yet"
    work(export)
    answer = signed_in.get(f"/tasks/{export.pk}/contacts.csv")
    assert answer.getvalue() == b"name,email,company,phone,city\r\nAda,ada@example.com,,,\r\n"


async def test_downloads_are_sent_piece_by_piece_by_an_async_server():
    pieces = [b"name,email\n", b"", b"Ada,ada@example.com\n"]
    response = download(AsyncRequestFactory().get("/"), iter(pieces), "contacts.csv")
    assert response.is_async
    assert [piece async for piece in response] == pieces


def test_an_export_is_started_with_a_button(signed_in, work, import_of):
    work(import_of(GOOD))
    page = signed_in.post("/tasks/export/", follow=True).text
    assert "Starts when a worker is free." in page


def test_the_example_can_be_imported(import_of, work):
    task = work(import_of("".join(example.lines(1000))))
    assert (task.rows, task.bad) == (1000, 10)


def test_the_list_costs_the_same_queries_however_long_it_is(
    signed_in, import_of, work, django_assert_max_num_queries
):
    for _ in range(3):
        work(import_of(GOOD))
    with django_assert_max_num_queries(6):
        assert signed_in.get("/tasks/").text.count('class="task ') == 3


def test_finished_tasks_can_be_filtered_and_have_pages(signed_in, ada):
    states = ["done"] * 25 + ["failed", "running"]
    Task.objects.bulk_create(
        Task(owner=ada, kind="export", state=state, name=f"file {number:02}")
        for number, state in enumerate(states)
    )

    def names(**query):
        page = signed_in.get("/tasks/", query)
        return page, re.findall(r"<bdi>file (\d\d)</bdi></a>", page.text)

    page, shown = names()
    assert shown == ["26", "25", *(f"{number:02}" for number in range(24, 5, -1))]
    assert page.text.count("<progress") == 1, "of the one that runs"
    older = dict(parse_qsl(re.search(r'href="[^"]*\?([^"]+)">Older', page.text)[1].replace("&amp;", "&")))
    page, shown = names(**older)
    assert shown == [f"{number:02}" for number in range(5, -1, -1)]
    assert "dj-sse=" not in page.text.partition("<main")[2], "an older page does not change"
    assert names(state="failed")[1] == ["26", "25"]
    for wrong in ({"state": "running"}, {"before": "x"}, {"before": "9" * 30}):
        assert signed_in.get("/tasks/", wrong).status_code == 400


def test_the_demo_is_made_once_and_only_for_a_user_that_there_is(db, django_user_model, monkeypatch):
    monkeypatch.setattr(demo, "READY", ("contacts-autumn.csv", 100))
    demo.seed()
    assert not Task.objects.exists()
    django_user_model.objects.create_user(demo.USERNAME)
    demo.seed()
    demo.seed()
    assert [(task.kind, task.state, task.rows) for task in Task.objects.all()] == [
        ("import", "draft", 0),
        ("export", "done", 2376),
        ("import", "done", 2400),
    ]

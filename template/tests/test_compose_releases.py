"""deploy/up and deploy/rollback with bad releases, and with one whose migration is rolled back."""

import os
import pty
import time

import pytest

from template.tests import compose, image
from tests.fixtures import need
from tests.servers import ROOT

pytestmark = pytest.mark.soak

NEWEST = max(file.stem for file in (ROOT / "apps/feed/migrations").glob("0*.py"))
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("feed", "{}")]
    operations = [{}]
"""
# Each release adds a file or an instruction to the running one.
MIGRATIONS = {
    "refused": 'migrations.RemoveField("post", "link")',
    "failing": 'migrations.RunSQL("no SQL")',
    "good": 'migrations.AddField("post", "place", models.TextField(null=True))',
}
INSTRUCTIONS = {
    "typo": "RUN rm -r /app/*/__pycache__ && echo typo >> /app/manage.py",
    "deaf": "ENV WORKER_CLASS=none",
}
POSTS = "from apps.feed.models import Post; print(Post.objects.count())"


@pytest.fixture
def site(tmp_path):
    need(compose.can_be_run(), "buildah, podman, debootstrap and docker-compose, for root,")
    with compose.site(tmp_path) as site:
        for version, operation in MIGRATIONS.items():
            (tmp_path / "next.py").write_text(MIGRATION.format(NEWEST, operation))
            image.derive(version, tmp_path, f"COPY next.py /app/apps/feed/migrations/9999_{version}.py")
        for version, instruction in INSTRUCTIONS.items():
            image.derive(version, tmp_path, instruction)
        yield site


def test_a_bad_release_keeps_the_running_one_and_a_good_one_can_be_rolled_back(site):
    site.up()
    make_administrator(site)
    with site.visitor() as admin:
        compose.sign_in(admin, "chief")
        assert admin.get("/admin/").status_code == 200
    site.compose("exec", "-T", "backup", "sh", "/deploy/backup", "--daily", "/backups")
    assert [*site.folder.glob("backups/20??-??-??/site.dump")]
    assert b"clearsessions" in site.compose("exec", "-T", "housekeeping", "python", "manage.py", "housekeeping")

    with compose.visiting(f"{site.url}/accounts/login/") as answers:
        for version, reason in {
            "typo": "NameError: name 'typo' is not defined",
            "refused": "drops or renames the column feed_post.link",
            "failing": 'syntax error at or near "no"',
            "deaf": "WORKER_CLASS",
        }.items():
            started = time.monotonic()
            printed = site.run("up", version, fails=True)
            print(version, f"{time.monotonic() - started:.1f} s", printed[-600:])
            assert reason in printed
            assert "localhost/site:test keeps running." in printed
        assert versions(site) == {"test"}

        site.run("up", "good")
        assert versions(site) == {"good"}
        assert column(site) == "True"
        started = time.monotonic()
        site.run("rollback")
        seconds = time.monotonic() - started
        print(f"rolled back in {seconds:.1f} s")
    print(dict(answers))
    assert set(answers) == {200}
    assert versions(site) == {"test"}
    assert column(site) == "True"
    # 12 to 16 s on two busy cores.
    assert seconds < 60
    # The earlier release can use the table with the additional column.
    with site.visitor() as admin:
        compose.sign_in(admin, "chief")
        page = admin.get("/feed/")
        form = {"text": "hello", "link": "", "csrfmiddlewaretoken": admin.cookies["csrftoken"]}
        assert admin.post("/feed/", data=form, headers={"Referer": str(page.url)}).status_code == 200
    assert site.shell(POSTS) == "1"

    # With --stop a release that is incompatible with the running one is deployed after a backup.
    site.run("up", "--stop", "refused")
    assert versions(site) == {"refused"}
    assert (site.folder / "backups" / "before-refused" / "site.dump").exists()
    assert "deployed with --stop" in site.run("rollback", fails=True)


def versions(site):
    """Return the releases that the web servers, the worker and housekeeping run."""
    services = ("web-1", "web-2", "worker", "housekeeping")
    return {site.container(service)["ImageName"].rpartition(":")[2] for service in services}


def column(site):
    """Return whether the database has the column of the good release."""
    code = (
        "from django.db import connection as c; "
        "print('place' in [f.name for f in c.introspection.get_table_description(c.cursor(), 'feed_post')])"
    )
    return site.shell(code)


def make_administrator(site):
    """Run createsuperuser in a terminal and answer its questions."""
    ours, theirs = pty.openpty()
    with site.start("manage", "createsuperuser", stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        for question, answer in {
            "Username": "chief",
            "Email": "chief@example.com",
            "Password": compose.PASSWORD,
            "(again)": compose.PASSWORD,
        }.items():
            prompt = ""
            while f"{question}" not in prompt or not prompt.rstrip().endswith(":"):
                prompt += os.read(ours, 1000).decode()
            os.write(ours, f"{answer}\n".encode())
        assert process.wait(60) == 0
    os.close(ours)

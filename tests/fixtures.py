"""The users and the servers that tests share."""

import os

import pytest

from tests import servers

PASSWORD = "a long enough secret 7"


@pytest.fixture(autouse=True)
def _fast_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture
def ada(db, django_user_model):
    """A user who is not logged in; the password is `PASSWORD`."""
    return django_user_model.objects.create_user("ada", "ada@example.com", PASSWORD)


@pytest.fixture
def grace(db, django_user_model):
    """Another user."""
    return django_user_model.objects.create_user("grace")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A folder with a migrated database that contains the demo users."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = servers.environment_for(folder)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    servers.manage("demo_users", environment=environment)
    return folder


@pytest.fixture(scope="session")
def site(migrated, tmp_path_factory):
    """The project under uvicorn in development mode, with demo users; `site.url` is its address."""
    folder = tmp_path_factory.mktemp("site")
    servers.copy_database(migrated, folder)
    with servers.serving("uvicorn", folder) as server:
        yield server


@pytest.fixture
def serve(migrated, tmp_path):
    """Start a separate server for a test: `with serve("runserver") as server`."""

    def start(kind, **options):
        servers.copy_database(migrated, tmp_path)
        return servers.serving(kind, tmp_path, **options)

    return start


def need(found, what):
    """Skip the test if a program is not installed; with CI=true it fails instead."""
    if not found:
        end = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        end(f"{what} is not installed on this machine")

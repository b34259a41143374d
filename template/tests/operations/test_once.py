"""Forms that are sent twice at the same moment, on SQLite and on PostgreSQL."""

import contextlib
import subprocess
import sys
import threading

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    SECRET_SESSION_KEY,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Model
from django.test import Client

from apps.accounts import adapters
from apps.accounts.models import User
from apps.feed.models import Post
from tests import servers
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
STAFF_ADDS = {"username": "new", "email": "n@example.com", "password1": PASSWORD, "password2": PASSWORD}
STAFF_ADDS |= {"usable_password": "true"}
SIGN_UP = {"username": "new", "email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}


def at_once(*calls):
    """Run each call in a thread of its own, all at the same moment, and return the results."""
    barrier, results = threading.Barrier(len(calls)), {}

    def run(number, call):
        try:
            barrier.wait()
            results[number] = call()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(calls))]


def browser(user=None):
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    return client


def copy_of(client):
    same = browser()
    same.cookies.load({name: each.value for name, each in client.cookies.items()})
    return same


@pytest.fixture(autouse=True)
def sent(settings, monkeypatch):
    """Keep the mails, and hold each save of a user until another request has checked its form, too."""
    settings.ACCOUNT_RATE_LIMITS = False
    mails = []
    monkeypatch.setattr(
        adapters.AccountAdapter,
        "send_mail",
        lambda self, template, email, context: mails.append((template, email)),
    )
    return mails


@pytest.fixture
def meet(monkeypatch):
    """Let two requests meet between the check of a form and the save, as often as two do."""
    barrier, save = threading.Barrier(2), Model.save_base
    held = {User, EmailAddress, Authenticator}

    def wait_and_save(self, *args, **kwargs):
        if self._state.adding and type(self) in held:
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait(1)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Model, "save_base", wait_and_save)


def test_two_people_who_sign_up_with_one_address_get_the_same_answer_and_one_account_is_made(meet, sent):
    forms = [SIGN_UP, SIGN_UP | {"username": "other"}]
    answers = at_once(*(lambda form=form: browser().post("/accounts/signup/", form) for form in forms))
    assert [(each.status_code, each.headers.get("Location")) for each in answers] == [
        (302, "/accounts/confirm-email/")
    ] * 2
    assert get_user_model().objects.filter(email="new@example.com").count() == 1
    assert EmailAddress.objects.filter(email="new@example.com").count() == 1
    assert sorted(template for template, email in sent) == [
        "account/email/account_already_exists",
        "account/email/email_confirmation_signup",
    ]


def test_a_sign_up_that_is_sent_twice_makes_one_account_and_one_code(sent):
    client = browser()
    token = client.get("/accounts/signup/").context["csrf_token"]
    form = SIGN_UP | {"csrfmiddlewaretoken": str(token)}
    answers = at_once(
        *[lambda each=each: each.post("/accounts/signup/", form) for each in map(copy_of, [client] * 3)]
    )
    assert [each.status_code for each in answers] == [302] * 3
    assert len({(each.headers["Location"], each.cookies["sessionid"].value) for each in answers}) == 1
    assert get_user_model().objects.count() == 1
    assert [email for template, email in sent] == ["new@example.com"]


def test_a_form_that_is_sent_again_acts_once_and_another_form_acts(ada):
    client = browser(ada)
    form = {"text": "hello", "csrfmiddlewaretoken": str(client.get("/feed/").context["csrf_token"])}
    answers = at_once(*[lambda each=each: each.post("/feed/", form) for each in map(copy_of, [client] * 2)])
    answers.append(client.post("/feed/", form))
    assert [each.status_code for each in answers] == [302] * 3
    assert Post.objects.count() == 1
    client.post("/feed/", form | {"csrfmiddlewaretoken": str(client.get("/feed/").context["csrf_token"])})
    assert Post.objects.count() == 2


def test_a_form_with_an_error_can_be_sent_again(ada):
    client = browser(ada)
    form = {"text": "", "csrfmiddlewaretoken": str(client.get("/feed/").context["csrf_token"])}
    assert [client.post("/feed/", form).status_code for _ in range(2)] == [200, 200]


def totp(client):
    """Return the form that activates an authenticator app."""
    client.get("/accounts/2fa/totp/activate/")
    return {
        "code": format_hotp_value(
            hotp_value(client.session[SECRET_SESSION_KEY], next(iter(yield_hotp_counters_from_time())))
        )
    }


UNIQUE = {
    "change of address": ("/accounts/email/", lambda client: {"email": "new@example.com", "action_add": ""}),
    "authenticator app": ("/accounts/2fa/totp/activate/", totp),
    "recovery codes": ("/accounts/2fa/recovery-codes/generate/", lambda client: {}),
    "user by staff": (f"/{settings.ADMIN_PATH}/accounts/user/add/", lambda client: STAFF_ADDS),
}


@pytest.mark.parametrize(("path", "fill"), UNIQUE.values(), ids=UNIQUE)
def test_a_form_that_creates_what_is_unique_creates_one_of_two_at_once(meet, admin_user, path, fill):
    admin_user.set_password(PASSWORD)
    admin_user.save()
    EmailAddress.objects.create(user=admin_user, email=admin_user.email, verified=True, primary=True)
    client = browser()
    client.post("/accounts/login/", {"login": admin_user.username, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    if "recovery" in path:
        Authenticator.objects.create(user=admin_user, type="totp", data={"secret": "x"})
    before = [model.objects.count() for model in (User, EmailAddress, Authenticator)]
    form = fill(client)
    answers = at_once(*[lambda each=each: each.post(path, form) for each in map(copy_of, [client] * 2)])
    assert {each.status_code for each in answers} <= {200, 302}
    assert 302 in {each.status_code for each in answers}
    assert not [
        each
        for each in answers
        if "/login/" in each.headers.get("Location", "") or "reauth" in each.headers.get("Location", "")
    ]
    after = [model.objects.count() for model in (User, EmailAddress, Authenticator)]
    assert max(now - earlier for now, earlier in zip(after, before, strict=True)) <= 1 + ("totp" in path)
    assert len({(each.user_id, each.type) for each in Authenticator.objects.all()}) == after[2]


def test_it_is_the_same_on_postgresql(postgres, tmp_path):
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", __file__, "-k", "not postgresql"]
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url, CACHE_URL="locmemcache://")
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

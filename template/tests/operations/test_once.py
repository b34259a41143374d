"""Forms that are sent twice at the same moment, on SQLite and on PostgreSQL."""

import contextlib
import subprocess
import sys
import threading

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from apps.accounts import adapters
from apps.accounts.models import User
from apps.feed.models import Post
from tests import servers
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
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
    barrier, save = threading.Barrier(2), User.save

    def wait_and_save(self, *args, **kwargs):
        if self._state.adding:
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait(2)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(User, "save", wait_and_save)


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


def test_it_is_the_same_on_postgresql(postgres, tmp_path):
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", __file__, "-k", "not postgresql"]
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url, CACHE_URL="locmemcache://")
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

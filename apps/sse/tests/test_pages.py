"""A page and its stream: no event is lost between them, and no other user gets the stream."""

import logging
import re

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpResponse
from django.template import RequestContext, Template
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from django.views import View

from apps.sse import LivePageMixin, SSEView, live_page, position, publish
from apps.sse.templatetags.sse import sse_share_key
from apps.sse.testing import Refused, StreamClient

from .streams import MIDDLEWARE, make_user

pytestmark = pytest.mark.django_db(transaction=True)

TAGS = "{" + "% load sse %" + "}{" + "% sse_since %" + "} {" + "% sse_share_key %" + "}"


class News(SSEView):
    channels = ["news"]


def render(request):
    """Publish an event, then render the page."""
    publish("news", "post", "published during the queries")
    return HttpResponse(Template(TAGS).render(RequestContext(request)))


@live_page
def function(request):
    return render(request)


@live_page
async def async_function(request):
    return await sync_to_async(render)(request)


class Page(LivePageMixin, View):
    def get(self, request):
        return render(request)


class AsyncPage(LivePageMixin, View):
    async def get(self, request):
        return await sync_to_async(render)(request)


def without(request):
    return render(request)


PAGES = {
    "function": function,
    "async-function": async_function,
    "class": Page.as_view(),
    "async": AsyncPage.as_view(),
}

urlpatterns = [
    path("news/", News.as_view()),
    path("without/", without),
    *[path(f"{name}/", view) for name, view in PAGES.items()],
]


@pytest.fixture(autouse=True)
def _site():
    templates = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, TEMPLATES=templates):
        yield


def since_of(response):
    return response.content.decode().split(" ")[0]


@pytest.mark.parametrize("name", PAGES)
def test_an_event_between_a_page_and_its_stream_is_delivered_once(name, client):
    publish("news", "post", "on the page already")
    since = since_of(client.get(f"/{name}/"))
    with StreamClient(client).open("/news/", last_event_id=since) as stream:
        stream.assert_event("post", "published during the queries")
        publish("news", "post", "live")
        stream.assert_event("post", "live")


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_can_be_requested_on_an_event_loop(name):
    before = await sync_to_async(position)()
    assert since_of(await AsyncClient().get(f"/{name}/")) == str(before)


def test_a_page_without_a_position_raises_an_error_that_says_what_to_add(client):
    with pytest.raises(
        ImproperlyConfigured, match=r"^The page /without/ uses sse_since, .* LivePageMixin .* @live_page "
    ):
        client.get("/without/")
    with pytest.raises(ImproperlyConfigured, match=r"^sse_since needs the request in the template's context"):
        Template(TAGS).render(RequestContext(None))


def test_a_page_is_shown_if_the_log_cannot_be_read_and_its_stream_begins_with_a_reset(client, monkeypatch, caplog):
    monkeypatch.setattr("apps.sse.pages.position", lambda: 1 / 0)
    with caplog.at_level(logging.WARNING, logger="apps.sse"):
        response = client.get("/function/")
    assert response.status_code == 200
    assert "The log cannot be read (ZeroDivisionError: division by zero)" in caplog.text
    with StreamClient(client).open("/news/", last_event_id=since_of(response)) as stream:
        stream.assert_event("sse:reset", {"reason": "unknown-id"})


def test_a_wrong_setting_raises_an_error_instead_of_a_warning(settings):
    settings.SSE_BROKER_URL = "nothing://"
    with pytest.raises(ImproperlyConfigured, match="SSE_BROKER_URL"):
        live_page(lambda request: HttpResponse())(RequestFactory().get("/"))


def share_key(client):
    """Return the key in the page, and check that caches keep the page apart by cookie."""
    response = client.get("/function/")
    assert "Cookie" in response["Vary"]
    return response.content.decode().split(" ")[1]


def test_the_tabs_of_a_session_share_a_key_and_two_sessions_do_not(client):
    ada = make_user("ada")
    anonymous = share_key(client)
    client.force_login(ada)
    key = share_key(client)
    assert share_key(client) == key
    elsewhere = Client()
    elsewhere.force_login(ada)
    assert len({anonymous, key, share_key(elsewhere)}) == 3
    client.logout()
    assert share_key(client) not in {key, share_key(elsewhere)}
    client.force_login(ada)
    assert share_key(client) != key
    assert re.fullmatch(r"[0-9a-f]{32}", key)


def test_a_page_of_another_user_gets_no_stream(client, settings):
    ada = make_user("ada")
    client.force_login(ada)
    from_page = {"SSE-Share-Key": share_key(client)}
    for user in [None, make_user("grace")]:
        client.logout()
        if user:
            client.force_login(user)
        with pytest.raises(Refused, match="409"), StreamClient(client).open("/news/", headers=from_page):
            pass
        with StreamClient(client).open("/news/"):
            pass
    client.force_login(ada)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next secret key of this site"
    with StreamClient(client).open("/news/", headers=from_page):
        pass


def test_without_sessions_there_is_no_share_key_and_no_query(django_assert_num_queries):
    request = RequestFactory().get("/")
    with django_assert_num_queries(0, connection=connection):
        assert sse_share_key(RequestContext(request)) == ""

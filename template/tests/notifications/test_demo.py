"""Demo notifications, for existing demo users only."""

from django.urls import reverse

from apps.notifications import demo
from apps.notifications.models import Notification


def test_each_demo_user_gets_the_examples_once(ada, grace, django_user_model):
    django_user_model.objects.create_user("other")
    demo.seed()
    first = [*Notification.objects.values_list("recipient__username", "verb")]
    demo.seed()
    assert [*Notification.objects.values_list("recipient__username", "verb")] == first
    assert {recipient for recipient, _verb in first} == {"ada", "grace"}
    assert ada.notifications.unread().count() == 2


def test_a_tick_notifies_one_demo_user(ada, grace):
    demo.tick()
    notification = Notification.objects.get()
    assert {notification.actor, notification.recipient} == {ada, grace}


def test_without_demo_users_nothing_is_created(db):
    demo.seed()
    demo.tick()
    assert not Notification.objects.exists()


def test_each_example_links_to_the_page_that_it_is_about(ada, grace, client, settings):
    settings.GUIDE_PUBLIC = settings.DASHBOARD_PUBLIC = True
    client.force_login(ada)
    demo.seed()
    links = dict(Notification.objects.values_list("verb", "url"))
    assert list(links.values()) == [reverse(page) for page in ("guide", "dashboard", "feed")]
    for url in links.values():
        assert client.get(url, follow=True).status_code == 200

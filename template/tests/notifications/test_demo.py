"""Demo data is for the demo users that there are, and for nobody else."""

from apps.notifications import demo
from apps.notifications.models import Notification


def test_demo_users_get_the_same_few_once(ada, grace, django_user_model):
    django_user_model.objects.create_user("somebody-else")
    demo.seed()
    first = [*Notification.objects.values_list("recipient__username", "verb")]
    demo.seed()
    assert [*Notification.objects.values_list("recipient__username", "verb")] == first
    assert {recipient for recipient, _verb in first} == {"ada", "grace"}
    assert ada.notifications.unread().count() == 2


def test_something_happens_to_one_of_them(ada, grace):
    demo.tick()
    told = Notification.objects.get()
    assert {told.actor, told.recipient} == {ada, grace}


def test_where_nobody_is_nothing_happens(db):
    demo.seed()
    demo.tick()
    assert not Notification.objects.exists()


def test_each_leads_to_a_page(ada, grace, client):
    client.force_login(ada)
    demo.seed()
    for url in Notification.objects.values_list("url", flat=True).distinct():
        assert client.get(url).status_code == 200

"""The number of queries of each page does not grow with the rows, and has a limit."""

import pytest
from django.apps import apps

from tests.browser.test_pages import installed

FEW, MANY = 3, 30
# For a superuser. Session, user and bell are three queries of every page with the site's header.
PAGES = {
    "/": 6,
    "/dashboard/": 10,
    "/dashboard/system/": 4,
    "/feed/": 4,
    "/feed/?before=20": 4,
    "/notifications/": 4,
    "/notifications/?show=unread": 4,
    "/tasks/": 7,
    "/tasks/?state=done": 7,
    "/guide/quick-start/": 3,
    "/accounts/profile/": 4,
    "/accounts/email/": 5,
    "/accounts/password/change/": 3,
    "/accounts/2fa/": 6,
    "/accounts/sessions/": 6,
    "/admin/": 3,
    "/admin/accounts/user/": 6,
    "/admin/feed/post/": 7,
    "/admin/notifications/broadcast/": 7,
    "/admin/sse/openstream/": 3,
    "/admin/tasks/contact/": 5,
    "/admin/tasks/task/": 5,
}


@pytest.fixture
def add_rows(admin_user, django_user_model):
    """Add rows to each app's tables, each row with a user of its own: `add_rows(3)`."""

    def add(number):
        first = django_user_model.objects.count()
        names = [f"user-{each}" for each in range(first, first + number)]
        users = django_user_model.objects.bulk_create(django_user_model(username=name) for name in names)
        for model, person, values in (
            ("feed.Post", "author", {"text": "A text"}),
            ("notifications.Notification", "actor", {"recipient": admin_user, "verb": "wrote"}),
            ("notifications.Broadcast", "sent_by", {"verb": "Hello", "to_everybody": True}),
            ("tasks.Contact", "owner", {"name": "Mary", "email": "mary@example.com"}),
            ("tasks.Task", "owner", {"name": "contacts.csv"}),
        ):
            if apps.is_installed(f"apps.{model.partition('.')[0]}"):
                rows = apps.get_model(model).objects
                rows.bulk_create(rows.model(**{person: user}, **values) for user in users)
        if apps.is_installed("apps.tasks"):
            tasks = admin_user.tasks
            tasks.bulk_create(
                tasks.model(owner=admin_user, state=["done", "waiting"][n % 2]) for n in range(number)
            )

    return add


@pytest.mark.parametrize("address", [each for each in PAGES if installed([each.partition("?")[0]])])
def test_a_page_needs_no_more_queries_for_many_rows(
    admin_client, add_rows, django_assert_max_num_queries, address
):
    for rows in (FEW, MANY):
        add_rows(rows)
        admin_client.get(address)  # fills caches
        with django_assert_max_num_queries(PAGES[address]):
            assert admin_client.get(address).status_code == 200

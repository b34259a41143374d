"""Concurrent changes of the list, and the counts that they publish."""

import threading

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from apps.guide.models import Order
from apps.sse import position
from apps.sse.brokers import get_broker

pytestmark = pytest.mark.django_db(transaction=True)


def test_concurrent_changes_publish_correct_counts_in_order(django_user_model, settings):
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 0
    settings.SSE_BROKER_URL = "database://"
    ada = django_user_model.objects.create_user("ada")
    start = position()
    clients = [Client() for _ in range(4)]
    for client in clients:
        client.force_login(ada)

    def place_ten(client):
        try:
            for _ in range(10):
                assert client.post(reverse("guide-order-place")).status_code == 302
        finally:
            connections.close_all()

    threads = [threading.Thread(target=place_ten, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [event.data for event in get_broker().read(start, 1000) if event.name == "open"]
    assert Order.objects.count() == 40
    assert counts == list(range(1, 41))

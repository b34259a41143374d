"""The user of a request is loaded before its view, which still decides what happens without a database."""

import pytest
from django.db import OperationalError, connection
from django.urls import reverse


@pytest.mark.django_db
def test_a_stream_without_a_database_is_refused_at_once_with_a_time_to_come_back(client, ada):
    attempts = []

    def fail(execute, sql, *arguments):
        attempts.append(sql)
        raise OperationalError("the connection is closed")

    client.force_login(ada)
    with connection.execute_wrapper(fail):
        answer = client.get(reverse("header-stream"))
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert len(attempts) == 1

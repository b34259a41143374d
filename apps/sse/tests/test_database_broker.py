"""The broker of the default database: SQLite here, and PostgreSQL where `DATABASE_URL` says so."""

import pytest

from apps.sse.brokers.database import DatabaseBroker
from apps.sse.tests.contract import BrokerContract


class TestDatabaseBroker(BrokerContract):
    @pytest.fixture
    def broker(self, db):
        return DatabaseBroker()

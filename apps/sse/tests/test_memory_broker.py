"""The broker of one process."""

import pytest

from apps.sse.brokers.memory import MemoryBroker
from apps.sse.tests.contract import BrokerContract


class TestMemoryBroker(BrokerContract):
    knows_savepoints = False

    @pytest.fixture
    def broker(self):
        return MemoryBroker()

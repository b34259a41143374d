"""The broker that keeps the log in Redis or Valkey, and what becomes of events while that is away."""

import pytest

from apps.sse.brokers.redis import RedisBroker
from apps.sse.testing import BrokerContract


class TestRedisBroker(BrokerContract):
    @pytest.fixture
    def broker(self, valkey):
        broker = RedisBroker(valkey.url)
        yield broker
        broker.close()

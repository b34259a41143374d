"""The cache that all processes share."""

from tests import servers


def test_migrate_creates_the_table_of_the_cache_and_may_run_again(tmp_path):
    environment = servers.environment_for(tmp_path)
    for _ in range(2):
        servers.manage("migrate", "--verbosity", "0", environment=environment)
    set_and_get = "from django.core.cache import cache; cache.set('key', [7]); print(cache.get('key'))"
    for _ in range(2):
        assert "[7]" in servers.manage("shell", "-c", set_and_get, environment=environment)

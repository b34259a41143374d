"""A wrong declaration of a figure while the site runs."""

from template.tests.test_dev import copy, developing, status_of  # noqa: F401
from tests.servers import wait_until


def test_a_wrong_figure_is_named_in_the_terminal_and_all_pages_work(copy):  # noqa: F811
    accounts = copy / "apps" / "accounts" / "apps.py"
    with developing(copy) as developer:
        developer.wait_for("Starting worker")
        accounts.write_text(accounts.read_text().replace(', at="date_joined"', ""))
        named = "figures() of apps.accounts: (dashboard.E004) TypeError: Figure.__init__() missing 1 required"
        statuses = lambda: [status_of(f"{developer.url}{page}") for page in ("/", "/dashboard/")]  # noqa: E731
        wait_until(lambda: statuses() == [200, 200] and developer.screen().count(named) >= 2, 20)
        assert "Traceback" not in developer.screen()

"""Refuses migrations that would break the running release."""

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext_lazy as _

from apps.operations.compatibility import examine

# Tells deploy/up that it is the migrations that are refused, and not that nothing could be started.
REFUSED = 10


class Command(BaseCommand):
    help = _("Lists unapplied migrations that would break the running release. The exit code is then 10.")
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--database", default="default", help=_("alias of the database"))

    def handle(self, *, database, **options):
        found = [*examine(connections[database])]
        for finding in found:
            self.stdout.write(f"{finding.migration}: {finding.operation}\n    {finding.reason}")
        if any(finding.is_refused for finding in found):
            raise CommandError(
                "These migrations would break the running release. Make the change in two releases, or deploy "
                "this one while the site is stopped.",
                returncode=REFUSED,
            )

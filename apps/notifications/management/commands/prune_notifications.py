"""Deletes old notifications permanently."""

from datetime import timedelta
from itertools import groupby

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.notifications import inbox
from apps.notifications.models import Notification

BATCH = 1000


class Command(BaseCommand):
    help = _("Deletes notifications older than --days, and purges those that users deleted more than a day ago.")

    def add_arguments(self, parser):
        parser.add_argument("--days", type=int, default=90, help=_("maximum age in days, 90 by default"))

    def handle(self, *, days, **options):
        if not 1 <= days <= 36_500:
            raise CommandError(f"--days is {days}: give a number from 1 to 36500.")
        now = timezone.now()
        past = Notification.objects.filter(
            Q(created_at__lt=now - timedelta(days=days)) | Q(deleted_at__lt=now - timedelta(days=1))
        ).order_by("recipient_id", "pk")
        pruned = 0
        while some := list(past.select_related("recipient")[:BATCH]):
            self.forget(some)
            pruned += len(some)
        self.stdout.write(f"Deleted {pruned} notification{'' if pruned == 1 else 's'}.")

    def forget(self, notifications):
        """Delete notifications permanently and remove them from the open pages."""
        for recipient, theirs in groupby(notifications, key=lambda each: each.recipient):
            inbox.forget(recipient, Notification.objects.filter(pk__in=[each.pk for each in theirs]))

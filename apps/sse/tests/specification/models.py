"""The model of the specification's notifications."""

from django.conf import settings
from django.db import models


class Notification(models.Model):
    """Something that a user is told, and may mark as read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=100)
    read = models.BooleanField(default=False)

    def __str__(self):
        return self.text

    def to_dict(self):
        """Return what a client gets to know."""
        return {"id": self.id, "text": self.text, "read": self.read}

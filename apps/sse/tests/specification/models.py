"""The model of the specification's notifications."""

from django.conf import settings
from django.db import models


class Notification(models.Model):
    """A message for a user, who can mark it as read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.CharField(max_length=100)
    read = models.BooleanField(default=False)

    def __str__(self):
        return self.text

    def to_dict(self):
        """Return the data of its event."""
        return {"id": self.id, "text": self.text, "read": self.read}

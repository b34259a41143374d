"""The ASGI application: Django, with open streams handed off by apps.sse."""

import os

from django.core.asgi import get_asgi_application

from apps.operations.environment import errors_as_sentences
from apps.operations.logs import RequestIdMiddleware
from apps.operations.uploads import UploadLimitMiddleware
from apps.site import load
from apps.sse.asgi import hand_off

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")

with errors_as_sentences():
    application = RequestIdMiddleware(UploadLimitMiddleware(hand_off(get_asgi_application())))

# Recorded from the start, so that the first visitor sees a chart.
load.record()

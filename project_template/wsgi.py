"""The WSGI application for `runserver` and synchronous servers. Each stream takes a thread."""

import os

from django.core.wsgi import get_wsgi_application

from apps.operations.environment import errors_as_sentences
from apps.operations.logs import wsgi_request_id
from apps.operations.uploads import wsgi_upload_limit
from apps.site import load
from apps.sse import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")

with errors_as_sentences():
    application = wsgi_request_id(wsgi_upload_limit(get_wsgi_application()))
    checks.refuse_errors()

# Recorded from the start, so that the first visitor sees a chart.
load.record()

"""The WSGI application, for `runserver` and synchronous servers; streams work, one thread each."""

import os

from django.core.wsgi import get_wsgi_application

from .logs import identified_wsgi
from .uploads import bounded_wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")

application = identified_wsgi(bounded_wsgi(get_wsgi_application()))

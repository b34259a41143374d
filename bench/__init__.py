"""What an open stream costs: this project beside nchan and others. See README.md."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")

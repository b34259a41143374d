"""Benchmark of open streams: this project compared with nchan and others. See README.md."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")

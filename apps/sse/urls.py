"""The URLs of the streams of `sse_doctor` and of the admin's page of open streams."""

from django.apps import apps
from django.urls import path

from .doctor.views import DoctorStream

urlpatterns = [path("api/sse/stream/", DoctorStream.as_view(), name="sse-doctor")]

if apps.is_installed("django.contrib.admin"):
    from .admin import OpenStreamsStream

    urlpatterns.append(path("api/sse/open/stream/", OpenStreamsStream.as_view(), name="sse-open-streams"))

"""The library's own addresses: what `manage.py sse_doctor` listens to, and the admin's page of open streams."""

from django.urls import path

from .doctor.views import DoctorStream
from .open_streams import OpenStreamsStream

urlpatterns = [
    path("api/sse/stream/", DoctorStream.as_view(), name="sse-doctor"),
    path("api/sse/open/stream/", OpenStreamsStream.as_view(), name="sse-open-streams"),
]

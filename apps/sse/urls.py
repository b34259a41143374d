"""The URLs of the streams of `sse_doctor` and of the admin's page of open streams."""

from django.urls import path

from .admin_stream import OpenStreamsStream
from .doctor.views import DoctorStream

urlpatterns = [
    path("api/sse/stream/", DoctorStream.as_view(), name="sse-doctor"),
    path("api/sse/open/stream/", OpenStreamsStream.as_view(), name="sse-open-streams"),
]

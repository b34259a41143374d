"""The library's own address: what `manage.py sse_doctor` listens to."""

from django.urls import path

from .doctor.stream import DoctorStream

urlpatterns = [path("api/sse/stream/", DoctorStream.as_view(), name="sse-doctor")]

"""The specification's example of a URL configuration, word for word."""
# fmt: off
# ruff: noqa: I001

# urls.py
from django.urls import path
from .views import DashboardSSE

urlpatterns = [
    path('api/dashboard/stream/', DashboardSSE.as_view(), name='dashboard-sse'),
]

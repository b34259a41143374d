from django.urls import path

from .views import DashboardView, StatsStream

urlpatterns = [
    path("dashboard/", DashboardView.as_view(), name="dashboard"),
    path("api/dashboard/stream/", StatsStream.as_view(), name="dashboard-stream"),
]

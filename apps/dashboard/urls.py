from django.urls import path

from . import views

urlpatterns = [
    path("dashboard/", views.ActivityView.as_view(), name="dashboard"),
    path("dashboard/activity.csv", views.ActivityCSV.as_view(), name="dashboard-csv"),
    path("dashboard/system/", views.SystemView.as_view(), name="dashboard-system"),
    path("api/dashboard/activity/stream/", views.ActivityStream.as_view(), name="dashboard-activity-stream"),
    path("api/dashboard/stream/", views.StatsStream.as_view(), name="dashboard-stream"),
]

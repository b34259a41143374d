from django.conf import settings
from django.http import Http404
from django.urls import path, re_path
from django.views.defaults import page_not_found

from . import views

MEDIA = settings.MEDIA_URL.lstrip("/")

urlpatterns = [
    path("tasks/", views.TaskListView.as_view(), name="tasks"),
    path("tasks/example.csv", views.example_file, name="tasks-example"),
    path("tasks/<int:pk>/", views.TaskView.as_view(), name="task"),
    path("tasks/<int:pk>/errors.csv", views.problems, name="task-problems"),
    path("tasks/<int:pk>/<slug:action>/", views.act, name="task-act"),
    path("api/tasks/stream/", views.TaskStream.as_view(), name="tasks-stream"),
    path("api/tasks/progress/", views.TaskProgressSSE.as_view(), name="task-progress"),
    # Development servers serve all of MEDIA_ROOT, but uploads are private.
    re_path(f"^{MEDIA}private/", page_not_found, {"exception": Http404()}),
]

from django.conf import settings
from django.http import Http404
from django.urls import path, re_path
from django.views.defaults import page_not_found

from . import views

MEDIA = settings.MEDIA_URL.lstrip("/")

urlpatterns = [
    path("tasks/", views.TaskListView.as_view(), name="tasks"),
    path("tasks/export/", views.start_export, name="tasks-export"),
    path("tasks/example.csv", views.example_file, name="tasks-example"),
    path("tasks/<int:pk>/", views.TaskView.as_view(), name="task"),
    path("tasks/<int:pk>/errors.csv", views.error_file, name="task-errors"),
    path("tasks/<int:pk>/contacts.csv", views.export_file, name="task-file"),
    path("tasks/<int:pk>/<slug:action>/", views.act, name="task-act"),
    path("api/tasks/stream/", views.TaskStream.as_view(), name="tasks-stream"),
    path("api/tasks/progress/", views.TaskProgressSSE.as_view(), name="task-progress"),
    # Development servers give out all of MEDIA_ROOT; what people upload here is theirs alone.
    re_path(f"^{MEDIA}private/", page_not_found, {"exception": Http404()}),
]

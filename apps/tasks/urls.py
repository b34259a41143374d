from django.urls import path

from . import views

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
]

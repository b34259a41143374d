from django.urls import path

from . import views

urlpatterns = [
    path("notifications/", views.NotificationsView.as_view(), name="notifications"),
    path("api/notifications/stream/", views.NotificationStream.as_view(), name="notifications-stream"),
    path("api/notifications/notify-me/", views.notify_me, name="notify-me"),
    path("api/notifications/read/", views.read_all, name="notifications-read"),
    path("api/notifications/unread/", views.unread_all, name="notifications-unread"),
    path("api/notifications/<int:pk>/read/", views.read, name="notification-read"),
    path("api/notifications/<int:pk>/unread/", views.unread, name="notification-unread"),
    path("api/notifications/<int:pk>/delete/", views.delete, name="notification-delete"),
    path("api/notifications/<int:pk>/restore/", views.restore, name="notification-restore"),
    path(
        "api/notifications/broadcasts/<int:pk>/progress/",
        views.BroadcastStream.as_view(),
        name="broadcast-progress",
    ),
]

from django.urls import path

from .views import (
    BroadcastStream,
    DeleteView,
    NotificationStream,
    NotificationsView,
    ReadAllView,
    ReadView,
    RestoreView,
    UnreadAgainView,
    UnreadView,
)

urlpatterns = [
    path("notifications/", NotificationsView.as_view(), name="notifications"),
    path("api/notifications/stream/", NotificationStream.as_view(), name="notifications-stream"),
    path("api/notifications/read/", ReadAllView.as_view(), name="notifications-read"),
    path("api/notifications/unread/", UnreadAgainView.as_view(), name="notifications-unread"),
    path("api/notifications/<int:pk>/read/", ReadView.as_view(), name="notification-read"),
    path("api/notifications/<int:pk>/unread/", UnreadView.as_view(), name="notification-unread"),
    path("api/notifications/<int:pk>/delete/", DeleteView.as_view(), name="notification-delete"),
    path("api/notifications/<int:pk>/restore/", RestoreView.as_view(), name="notification-restore"),
    path("api/notifications/broadcasts/<int:pk>/progress/", BroadcastStream.as_view(), name="broadcast-progress"),
]

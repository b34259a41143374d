from django.urls import path

from . import views
from .access import readers_only, stream_for_readers
from .examples import (
    attributes,
    channel,
    client,
    events,
    feed,
    latest,
    mixin,
    mount,
    notifications,
    page_changes,
    progress,
    quick_start,
    reset,
    resume,
    retry,
    shared_producer,
    subscribe,
    tabs,
)

STREAMS = {
    "quick-start": quick_start.Stats,
    "mount": mount.Counting,
    "events": events.Kinds,
    "attributes": attributes.Quiet,
    "retry": retry.Slow,
    "page-changes": page_changes.Changes,
    "leave": page_changes.Leave,
    "again": page_changes.Again,
    "mixin": mixin.Updates,
    "resume": resume.Seconds,
    "progress": progress.Progress,
    "feed": feed.LiveFeed,
    "notifications": notifications.MyNotifications,
    "channel": channel.Lines,
    "latest": latest.Light,
    "shared-producer": shared_producer.Temperature,
    "subscribe": subscribe.ThreeLines,
    "tabs": tabs.Named,
    "reset": reset.News,
    "modes": client.Modes,
    "states": client.States,
}

urlpatterns = [
    path("guide/", views.Overview.as_view(), name="guide"),
    path("guide/client/", views.ClientPage.as_view(), name="guide-client"),
    path("guide/sse-or-websocket/", views.ChoosingPage.as_view(), name="guide-choosing"),
    path("guide/serving/", views.ServingPage.as_view(), name="guide-serving"),
    path("guide/troubleshooting/", views.TroublesPage.as_view(), name="guide-troubles"),
    path("guide/<slug:name>/", views.ExamplePage.as_view(), name="guide-example"),
    path("guide/reset/part/", readers_only(reset.part), name="guide-reset-part"),
    path("api/guide/channel/say/", readers_only(channel.say), name="guide-say"),
    path("api/guide/latest/switch/", readers_only(latest.switch), name="guide-switch"),
    path("api/guide/notifications/remind/", readers_only(notifications.remind), name="guide-remind"),
    path(
        "api/guide/notifications/<int:number>/read/", readers_only(notifications.mark_read), name="guide-mark-read"
    ),
    *[
        path(f"api/guide/{name}/stream/", stream_for_readers(view).as_view(), name=f"guide-{name}")
        for name, view in STREAMS.items()
    ],
]

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
    live_list,
    mixin,
    mount,
    notifications,
    page_changes,
    progress,
    quick_start,
    reset,
    resume,
    shared_producer,
    subscribe,
    tabs,
)

STREAMS = {
    "quick-start": quick_start.Stats,
    "script": quick_start.Stats,
    "live-list": live_list.Orders,
    "mount": mount.Counting,
    "events": events.Kinds,
    "attributes": attributes.Quiet,
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

ORDER_ACTS = [
    ("place", "place", live_list.place),
    ("both", "both", live_list.place_and_ship),
    ("ship", "<int:pk>/ship", live_list.ship),
    ("remove", "<int:pk>/remove", live_list.remove),
]

urlpatterns = [
    path("guide/", views.GuidePage.as_view(), name="guide"),
    path("guide/<slug:name>/", views.GuidePage.as_view(), name="guide-page"),
    path("api/guide/channel/say/", readers_only(channel.say), name="guide-say"),
    *[
        path(f"api/guide/live-list/{where}/", readers_only(live_list.change), {"act": act}, f"guide-order-{name}")
        for name, where, act in ORDER_ACTS
    ],
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

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    verbose_name = "Server-Sent Events"

from django.apps import AppConfig


class DevConfig(AppConfig):
    name = "apps.dev"

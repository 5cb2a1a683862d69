"""Django's name card of the app."""

from django.apps import AppConfig


class RlhfConfig(AppConfig):
    name = "rlhf"
    verbose_name = "Judging and rewards"
    default_auto_field = "django.db.models.BigAutoField"

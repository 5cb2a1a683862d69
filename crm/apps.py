"""Django's name card of the app."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Business and its data"
    default_auto_field = "django.db.models.BigAutoField"

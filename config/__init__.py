"""Composes the apps. Nobody imports this package, except Django and Celery."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

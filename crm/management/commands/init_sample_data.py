"""`manage.py init_sample_data`: three invented brands with simulated markets, and the people who work for them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.errors import EndcapError
from crm.sample.catalogue import BRANDS
from crm.sample.deliveries import take_in_deliveries
from crm.sample.making import make_brand
from crm.sample.people import DEMO_PASSWORD, demo_password, make_people


class Command(BaseCommand):
    help = "Load the sample brands Harbor Oats, Lumen Home and Pawfield, once. Everything in them is invented."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet-sign-ins", action="store_true", help="do not print the sign-ins")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = demo_password()
            made = {slug: make_brand(slug, now=timezone.now()) for slug in BRANDS}
            people = make_people({slug: brand for slug, (brand, _) in made.items()}, password)
        except EndcapError as error:
            raise CommandError(error.message) from error
        for slug, (brand, created) in made.items():
            if created:
                take_in_deliveries(slug, brand)
            self.stdout.write(f"{brand.name}: {'made, simulated market ' + brand.world if created else 'was there'}")
        if options["quiet_sign_ins"]:
            return
        shown = password if password == DEMO_PASSWORD else "the one in DEMO_PASSWORD"
        self.stdout.write(f"Sign-ins (password of those made now: {shown}):")
        for username, may in people:
            self.stdout.write(f"  {username:<6} {may}")

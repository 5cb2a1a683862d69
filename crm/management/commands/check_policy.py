"""`manage.py check_policy FILE` or `--brand SLUG [--retailer R]`: is the policy valid, and what would it do to texts?

Exit code 0: valid. 1: not valid, or a `--text` would be blocked in a place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.errors import EndcapError
from crm.models import Brand, Retailer
from crm.privacy.detection import KINDS, detect
from crm.privacy.policies import policy_for
from crm.privacy.policy import PLACES, Policy, parse
from crm.privacy.redaction import Blocked, redact

EXAMPLES = (
    "Write to jo.miller@example.com or call +49 30 1234567.",
    "Card 4111 1111 1111 1111, account DE89 3704 0044 0532 0130 00.",
    "SSN 531-21-7351, born on 3 March 1981, lives at 4 Mill Quay, 28195 Bremen.",
    "Seen from 192.168.2.14 at https://shop.example/oats?page=2, customer id: AB-12345.",
)
KEY = b"check_policy shows examples under a key of its own"


class Command(BaseCommand):
    help = "Check a privacy policy and show what it does to examples or to --text."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="YAML file; without it the policy in force of --brand")
        parser.add_argument("--brand", help="slug of the brand")
        parser.add_argument("--retailer", help="slug of one of its retailers")
        parser.add_argument("--text", action="append", default=[], help="a text to try; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["file"] and not options["brand"]:
            raise CommandError("Give a FILE, or --brand SLUG to check what is in force.")
        try:
            policy = self._policy(options)
        except EndcapError as error:
            raise CommandError(f"Not valid. {error.message}") from error
        self.stdout.write(f"Valid: {len(KINDS)} kinds, {len(policy.own)} recognizers of its own.")
        self._table(policy)
        blocked = [self._show(text, policy) for text in options["text"] or EXAMPLES]
        if options["text"] and any(blocked):
            raise CommandError("A text is blocked in at least one place.")

    def _policy(self, options: dict[str, Any]) -> Policy:
        base = None
        if options["brand"]:
            brand = Brand.objects.filter(slug=options["brand"]).first()
            if brand is None:
                raise CommandError(f"--brand: there is no brand “{options['brand']}”.")
            retailer = None
            if options["retailer"]:
                retailer = Retailer.objects.for_brand(brand).filter(slug=options["retailer"]).first()
                if retailer is None:
                    raise CommandError(f"--retailer: {brand} has no retailer “{options['retailer']}”.")
            base = policy_for(brand, retailer)
        if options["file"]:
            path = Path(options["file"])
            try:
                body = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{path}: cannot be read as text ({error}).") from error
            return parse(body, base).with_key(base.key if base else KEY)
        assert base is not None
        return base

    def _table(self, policy: Policy) -> None:
        kinds = [*KINDS, *sorted({one.kind for one in policy.own} - set(KINDS))]
        width = max(map(len, kinds)) + 2
        self.stdout.write(" " * width + "".join(place.ljust(14) for place in PLACES))
        for kind in kinds:
            row = "".join(policy.action(place, kind).ljust(14) for place in PLACES)
            self.stdout.write(kind.ljust(width) + row.rstrip())

    def _show(self, text: str, policy: Policy) -> bool:
        """Print the finds and what each place makes of the text; True where one blocks it."""
        self.stdout.write(f"\n{text}")
        for span in detect(text, policy.own):
            named = f" ({span.what})" if span.what else ""
            self.stdout.write(f"  found {span.kind}{named} at {span.start}-{span.end}, {span.score:.2f}")
        any_blocked = False
        for place in PLACES:
            try:
                told = redact(text, policy, place)
            except Blocked as error:
                any_blocked, told = True, f"BLOCKED: {error.message}"
            self.stdout.write(f"  {place:<9} {told}")
        return any_blocked

"""Judges experiences from the command line: what was not judged yet, most wanted first, with the bill at the end."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentParser
from collections import Counter
from decimal import Decimal
from typing import Any

from anthropic import Anthropic
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from crm.models import Brand
from rlhf.judge.materials import Material, ask_one
from rlhf.judge.prices import at_most_usd, price_of
from rlhf.judge.rubric import rubric_for
from rlhf.judging import carrying, evaluate, orders, rubrics, spending
from rlhf.judging.blind import Cleaner, material
from rlhf.judging.embedded import JUDGE, tried
from rlhf.judging.orders import LostOrder
from rlhf.judging.turns import STOP_AFTER
from rlhf.models import Evaluation, Experience, JudgeCall

EXPECTED_OUTPUT = 1200  # tokens of a verdict, thinking included, for the estimate of a dry run


class Command(BaseCommand):
    help = (
        "Judge experiences that have no verdict under the rubric in force. Exit code 0: every verdict is there; "
        "1: some are missing, with their causes in the table."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--brand", metavar="SLUG", help="one brand; without it all, one after the other")
        parser.add_argument("--kind", help="budget, creative, measurement, planning, outreach, dashboard")
        parser.add_argument("--limit", type=int, default=100, help="at most so many of each brand (default 100)")
        parser.add_argument("--judge", choices=(JUDGE, "claude"), default=JUDGE)
        parser.add_argument("--dry-run", action="store_true", help="say what would be judged and cost; store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1.")
        if options["kind"] and rubric_for(options["kind"]) is None:
            raise CommandError(f"There is no rubric for {options['kind']}. See rlhf/judge/rubrics/.")
        judge = settings.CLAUDE_MODEL if options["judge"] == "claude" else JUDGE
        if judge != JUDGE and not settings.ANTHROPIC_API_KEY and not options["dry_run"]:
            raise CommandError("ANTHROPIC_API_KEY is not set. Set it, or use --judge rubric.")
        if judge != JUDGE and not price_of(judge)[1]:
            self.stdout.write(f"The price of {judge} is not known: it is counted at the dearest known one.")
        began = timezone.now()
        done: Counter[str] = Counter()
        for brand in self._brands(options["brand"]):
            waiting = self._waiting(brand, judge, options["kind"], options["limit"])
            self.stdout.write(f"{brand.slug}: {len(waiting)} to judge by {judge}")
            if options["dry_run"]:
                self._would(brand, waiting, judge)
            else:
                self._judge(brand, waiting, judge, done)
        if options["dry_run"]:
            return
        self._table(done, self._spent_since(began) if judge != JUDGE else None)
        missing = sum(count for name, count in done.items() if name != "done")
        if missing:
            raise CommandError(f"{missing} of {done.total()} verdicts are missing; the causes stand above.")

    def _brands(self, slug: str | None) -> list[Brand]:
        brands = list(Brand.objects.filter(slug=slug) if slug else Brand.objects.order_by("slug"))
        if slug and not brands:
            raise CommandError(f"There is no brand {slug}.")
        return brands

    def _waiting(self, brand: Brand, judge: str, kind: str | None, limit: int) -> list[Experience]:
        """Without a verdict of this judge under the rubric in force, most wanted first."""
        rows = Experience.objects.for_brand(brand).select_related("brand")
        rows = rows.filter(kind=kind) if kind else rows
        kinds = rows.order_by().values_list("kind", flat=True).distinct()
        found: list[Experience] = []
        for one in kinds:
            rubric = rubrics.serving(brand, one)
            version = rubric.version if rubric is not None else f"{one}@none"
            judged = Evaluation.objects.for_brand(brand).filter(
                experience=OuterRef("pk"), judge=judge, rubric_version=version, form=Evaluation.Form.ABSOLUTE
            )
            # where nothing can be judged at all, the row that says so is the rubric judge's last word
            judged = judged.filter(score__isnull=False) if judge != JUDGE else judged
            found += rows.filter(~Exists(judged), kind=one).order_by("simulated", "-created_at")[:limit]
        return sorted(found, key=orders.priority_of, reverse=True)[:limit]

    def _would(self, brand: Brand, waiting: list[Experience], judge: str) -> None:
        kinds = Counter(experience.kind for experience in waiting)
        for kind, count in sorted(kinds.items()):
            self.stdout.write(f"  {kind:<12} {count:>6}")
        if judge == JUDGE:
            missing = Counter(
                said.cause for one in waiting if (said := tried(one, rubrics.serving(brand, one.kind))).score is None
            )
            for cause, count in sorted(missing.items()):
                self.stdout.write(f"  would be missing: {cause} {count}")
            return
        cleaner, usd = Cleaner(brand), Decimal(0)
        for experience in waiting:
            rubric, made = rubrics.serving(brand, experience.kind), material(experience, cleaner)
            if rubric is not None and isinstance(made, Material):
                ask = ask_one(made, rubric, seed="dry run")
                usd += at_most_usd(judge, signs=ask.signs, max_tokens=EXPECTED_OUTPUT)
        left = spending.left(brand, timezone.now())
        self.stdout.write(
            f"  about {usd:.2f} USD in single calls, {usd / 2:.2f} in batches; the month has {left:.2f} left"
        )

    def _judge(self, brand: Brand, waiting: list[Experience], judge: str, done: Counter[str]) -> None:
        client: Anthropic | None = carrying.client() if judge != JUDGE else None
        worker = f"{socket.gethostname()}:{os.getpid()}:command"
        for number, experience in enumerate(waiting, start=1):
            outcome = self._one(brand, experience, judge, client, worker)
            done[outcome] += 1
            if number % 25 == 0 or number == len(waiting):
                self.stdout.write(f"  {number} of {len(waiting)}: {done['done']} verdicts so far")
            if client is not None and outcome in STOP_AFTER:
                left = len(waiting) - number
                if left:
                    self.stdout.write(f"  stopped after “{outcome}”; {left} are left as they were")
                return

    def _one(self, brand: Brand, experience: Experience, judge: str, client: Anthropic | None, worker: str) -> str:
        if client is None:
            row = evaluate(experience)
            return "done" if row.score is not None else row.cause
        try:
            order, _ = orders.order_absolute(experience, judge=judge)
        except orders.BadOrder:
            return str(Evaluation.Cause.NO_RUBRIC)
        orders.wanted_now(order)
        claimed = orders.claim(brand, worker=worker, now=timezone.now(), order=order.pk)
        if claimed is None:
            return "under way"
        try:
            return carrying.carry_out(claimed, client=client)
        except LostOrder:
            return "under way"

    def _spent_since(self, began: Any) -> Decimal:
        total = Decimal(0)
        for brand in Brand.objects.order_by("pk"):
            rows = JudgeCall.objects.for_brand(brand).filter(created_at__gte=began)
            total += sum(rows.values_list("cost_usd", flat=True), Decimal(0))
        return total

    def _table(self, done: Counter[str], usd: Decimal | None) -> None:
        labels = dict(Evaluation.Cause.choices) | {"done": "Verdicts", "under way": "Under way elsewhere"}
        self.stdout.write("")
        for name, count in sorted(done.items(), key=lambda item: (item[0] != "done", item[0])):
            self.stdout.write(f"{labels.get(name, name):<32} {count:>6}")
        self.stdout.write(f"{'Together':<32} {done.total():>6}")
        if usd is not None:
            self.stdout.write(f"{'Cost, USD':<32} {usd:>6.4f}")

"""Episodes as rows of a list: with the quality of their steps and what the market did with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Sum
from django.utils.safestring import SafeString

from crm.charts.marks import reward_bar, steps_spark
from crm.models import Brand, Outcome, Sale
from crm.templatetags.figures import money
from orchestrator.models import Episode, EpisodeState, Step

# From the strongest word of the market to the weakest.
WORDS = (
    (Outcome.Kind.SOLD, "Sold"),
    (Outcome.Kind.REDEEMED, "Redeemed"),
    (Outcome.Kind.BOOKED, "Booked"),
    (Outcome.Kind.REPLIED, "Replied"),
    (Outcome.Kind.CLICKED, "Clicked"),
    (Outcome.Kind.OPENED, "Opened"),
    (Outcome.Kind.EXPOSED, "Seen"),
    (Outcome.Kind.DELIVERED, "Delivered"),
    (Outcome.Kind.SENT, "Sent"),
    (Outcome.Kind.UNSUBSCRIBED, "Unsubscribed"),
    (Outcome.Kind.BOUNCED, "Bounced"),
    (Outcome.Kind.BLOCKED, "Blocked, nothing sent"),
)


@dataclass(frozen=True)
class Answer:
    """What the market did with one episode so far."""

    sales: int = 0
    amount: Decimal = Decimal(0)
    currency: str = "EUR"
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The strongest thing that happened, in a few words; empty when nothing did."""
        if self.sales:
            many = f"{self.sales} sales" if self.sales > 1 else "Sale"
            return f"{many}, {money(self.amount, self.currency)}"
        for kind, word in WORDS:
            count = self.outcomes.get(kind, 0)
            if count:
                return f"{word}, {count}" if count > 1 else word
        return ""


@dataclass(frozen=True)
class Row:
    """One episode in a list."""

    episode: Episode
    answer: Answer
    spark: SafeString
    bar: SafeString


def answers(brand: Brand, public_ids: Sequence[UUID]) -> dict[UUID, Answer]:
    """What came of each episode: two questions for any number of them."""
    sales = (
        Sale.objects.for_brand(brand)
        .filter(attributed_to__in=public_ids)
        .order_by()
        .values("attributed_to")
        .annotate(count=Count("pk"), amount=Sum("amount"))
    )
    outcomes = (
        Outcome.objects.for_brand(brand)
        .filter(attributed_to__in=public_ids)
        .order_by()
        .values("attributed_to", "kind")
        .annotate(count=Count("pk"))
    )
    kinds: dict[UUID, dict[str, int]] = {}
    for row in outcomes:
        kinds.setdefault(row["attributed_to"], {})[row["kind"]] = row["count"]
    sold = {row["attributed_to"]: row for row in sales}
    return {
        public_id: Answer(
            sales=sold[public_id]["count"] if public_id in sold else 0,
            amount=sold[public_id]["amount"] if public_id in sold else Decimal(0),
            currency=brand.currency,
            outcomes=kinds.get(public_id, {}),
        )
        for public_id in public_ids
    }


def rows(brand: Brand, episodes: Iterable[Episode]) -> list[Row]:
    """Rows for a page of episodes: three questions for any number of them."""
    listed = list(episodes)
    found = answers(brand, [episode.public_id for episode in listed])
    qualities: dict[int, list[float | None]] = {episode.pk: [] for episode in listed}
    steps = Step.objects.for_brand(brand).filter(episode__in=list(qualities)).order_by("episode", "index")
    for episode_id, quality in steps.values_list("episode_id", "quality_overall"):
        qualities[episode_id].append(quality)
    top = max([episode.reward for episode in listed if episode.reward is not None], default=1.0)
    return [
        Row(
            episode=episode,
            answer=found[episode.public_id],
            spark=steps_spark(qualities[episode.pk], running=episode.state == EpisodeState.RUNNING),
            bar=reward_bar(episode.reward, top=top),
        )
        for episode in listed
    ]

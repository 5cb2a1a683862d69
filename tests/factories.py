"""Four people and what they own: Ana owns Harbor Oats, Ben views it, Rae rates there; Cleo owns Lumen Home."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from crm.models import SKU, Brand, Campaign, CampaignPlan, Import, Membership, Pack, PerformanceMetric, Retailer
from orchestrator.models import Episode, Step
from rlhf.models import Experience, RatingItem, RatingTask


class AcrossBrands(DjangoModelFactory):
    """Makes rows through the manager that does not ask for a brand."""

    class Meta:
        abstract = True

    @classmethod
    def _get_manager(cls, model_class: Any) -> Any:
        return getattr(model_class, "across_brands", None) or model_class.objects


class UserFactory(AcrossBrands):
    class Meta:
        model = get_user_model()
        django_get_or_create = ("username",)

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda u: f"{u.username}@example.com")
    password = factory.django.Password("endcap-demo")


class BrandFactory(AcrossBrands):
    class Meta:
        model = Brand
        django_get_or_create = ("slug",)

    name = factory.Sequence(lambda n: f"Brand {n}")
    slug = factory.Sequence(lambda n: f"brand-{n}")
    currency = "EUR"


class MembershipFactory(AcrossBrands):
    class Meta:
        model = Membership
        django_get_or_create = ("user", "brand")

    user = factory.SubFactory(UserFactory)
    brand = factory.SubFactory(BrandFactory)
    role = Membership.Role.OWNER


class RetailerFactory(AcrossBrands):
    class Meta:
        model = Retailer

    brand = factory.SubFactory(BrandFactory)
    name = "Northmart"
    slug = factory.Sequence(lambda n: f"retailer-{n}")


class SKUFactory(AcrossBrands):
    class Meta:
        model = SKU

    brand = factory.SubFactory(BrandFactory)
    code = factory.Sequence(lambda n: f"SKU-{n}")
    name = factory.Sequence(lambda n: f"Product {n}")


class CampaignFactory(AcrossBrands):
    class Meta:
        model = Campaign

    brand = factory.SubFactory(BrandFactory)
    retailer = factory.SubFactory(RetailerFactory, brand=factory.SelfAttribute("..brand"))
    external_id = factory.Sequence(lambda n: f"C-{n}")
    name = factory.Sequence(lambda n: f"Campaign {n}")


class PerformanceMetricFactory(AcrossBrands):
    """A fact of a campaign and day; `identity` is a number of its own, so rows never meet by chance."""

    class Meta:
        model = PerformanceMetric

    campaign = factory.SubFactory(CampaignFactory)
    brand = factory.SelfAttribute("campaign.brand")
    retailer = factory.SelfAttribute("campaign.retailer")
    measured_on = datetime.date(2026, 11, 1)
    identity = factory.Sequence(lambda n: n)


class PackFactory(AcrossBrands):
    class Meta:
        model = Pack

    brand = factory.SubFactory(BrandFactory)
    slug = factory.Sequence(lambda n: f"pack-{n}")
    name = factory.Sequence(lambda n: f"Pack {n}")
    goal = "Sell more oats."
    task = Pack.Task.OUTREACH
    allowed_agents = ["insight", "outreach", "governance", "reflect"]
    static_sequence = ["outreach"]


class EpisodeFactory(AcrossBrands):
    class Meta:
        model = Episode

    pack = factory.SubFactory(PackFactory)
    brand = factory.SelfAttribute("pack.brand")
    seed = factory.Sequence(lambda n: n)
    mode = "rule"


class StepFactory(AcrossBrands):
    class Meta:
        model = Step

    episode = factory.SubFactory(EpisodeFactory)
    index = factory.Sequence(lambda n: n)
    action = "insight"
    allowed = ["insight", "finish"]
    probabilities = [0.75, 0.25]
    probability = 0.75
    policy = "rule@1"
    finished_at = factory.Faker("past_datetime", tzinfo=__import__("datetime").UTC)


class WindowedFactFactory(AcrossBrands):
    """One fact with a window; a campaign's brand and retailer are the fact's."""

    class Meta:
        model = PerformanceMetric

    campaign = factory.SubFactory(CampaignFactory)
    brand = factory.SelfAttribute("campaign.brand")
    retailer = factory.SelfAttribute("campaign.retailer")
    measured_on = factory.Sequence(lambda n: datetime.date(2026, 1, 1) + datetime.timedelta(days=n % 300))
    identity = factory.Sequence(lambda n: n)
    spend = Decimal("10.00")
    window_days = 14
    attribution = PerformanceMetric.Attribution.CLICK
    orders = 2
    units = 3
    sales = Decimal("40.00")
    currency = "EUR"


class CampaignPlanFactory(AcrossBrands):
    class Meta:
        model = CampaignPlan

    campaign = factory.SubFactory(CampaignFactory)
    starts_on = datetime.date(2026, 1, 1)
    ends_on = datetime.date(2026, 1, 31)
    spend = Decimal("310.00")


class DeliveryFactory(AcrossBrands):
    """An import that stored a retailer's report; `started_at` is when it came."""

    class Meta:
        model = Import

    retailer = factory.SubFactory(RetailerFactory)
    brand = factory.SelfAttribute("retailer.brand")
    kind = "report"
    filename = factory.Sequence(lambda n: f"report-{n}.csv")
    sha256 = factory.Sequence(lambda n: f"{n:064d}")
    state = Import.State.STORED

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        at = kwargs.pop("started_at", None)
        made = super()._create(model_class, *args, **kwargs)
        if at is not None:
            model_class.across_brands.filter(pk=made.pk).update(started_at=at)
            made.refresh_from_db()
        return made


class ExperienceFactory(AcrossBrands):
    """An e-mail that says something of its own."""

    class Meta:
        model = Experience

    brand = factory.SubFactory(BrandFactory)
    kind = "outreach"
    request = "Win Fennel & Co back."
    served_by = "composer@1"
    policy = "rule@1"
    context = factory.LazyFunction(
        lambda: {
            "brand": "Harbor Oats",
            "facts": {"sku:A#1": "11 g of protein in 100 g"},
            "prospect": {"key": "L-1", "name": "Jo Marsh", "company": "Fennel & Co"},
        }
    )
    output = factory.Sequence(
        lambda n: {
            "kind": "outreach",
            "emails": [
                {
                    "prospect_key": "L-1",
                    "subject": f"Sacks {n}",
                    "body": f"Hello Jo,\n\nOats number {n}.",
                    "citations": [],
                }
            ],
        }
    )


class RatingTaskFactory(AcrossBrands):
    class Meta:
        model = RatingTask

    brand = factory.SubFactory(BrandFactory)
    slug = factory.Sequence(lambda n: f"task-{n}")
    name = "E-mails, one at a time"
    kind = "outreach"
    question = "Would you send it?"
    reasons = ["Too long", "Not true"]
    gold_share = 0
    repeat_share = 0


class RatingItemFactory(AcrossBrands):
    """One text to rate; with `b`, a pair."""

    class Meta:
        model = RatingItem

    task = factory.SubFactory(RatingTaskFactory)
    brand = factory.SelfAttribute("task.brand")
    a = factory.SubFactory(ExperienceFactory, brand=factory.SelfAttribute("..brand"))
    wanted = factory.SelfAttribute("task.overlap")

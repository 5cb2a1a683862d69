"""Four people and what they own: Ana owns Harbor Oats, Ben views it, Rae rates there; Cleo owns Lumen Home."""

from __future__ import annotations

import datetime
from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from crm.models import SKU, Brand, Campaign, Membership, Pack, PerformanceMetric, Retailer
from orchestrator.models import Episode, Step


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

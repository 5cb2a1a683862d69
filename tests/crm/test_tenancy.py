"""A query that does not start from a brand never reaches the database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps

from crm.models import Brand, Lead, Pack, UnscopedQuery
from crm.models.tenancy import BrandManager, BrandOwned
from tests.factories import EpisodeFactory, PackFactory, StepFactory

ROOT = Path(__file__).resolve().parent.parent.parent
#: Where the system itself looks after every tenant: plumbing, sweeps, the admin, and the brand-owned model methods.
ACROSS_BRANDS_IS_FOR: set[str] = set()


@pytest.mark.django_db
class TestDefaultDeny:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda: list(Pack.objects.all()),
            lambda: Pack.objects.count(),
            lambda: Pack.objects.filter(slug="tax-assist").first(),
            lambda: Pack.objects.get(pk=1),
            lambda: Pack.objects.filter(pk=1).exists(),
            lambda: Pack.objects.filter(pk=1).update(name="x"),
            lambda: Pack.objects.filter(pk=1).delete(),
            lambda: list(Pack.objects.values_list("pk", flat=True)),
            lambda: list(Pack.objects.filter(pk=1).iterator()),
            lambda: Lead.objects.aggregate(n=__import__("django").db.models.Count("pk")),
        ],
    )
    def test_it_refuses_a_query_without_a_brand(self, ask):
        with pytest.raises(UnscopedQuery, match="for_brand"):
            ask()

    def test_it_shows_a_brand_its_own_rows_only(self, harbor: Brand, lumen: Brand):
        ours = PackFactory(brand=harbor)
        PackFactory(brand=lumen)
        assert list(Pack.objects.for_brand(harbor)) == [ours]

    def test_it_reaches_the_brand_through_the_parent(self, harbor: Brand, lumen: Brand):
        from orchestrator.models import Step

        ours = StepFactory(episode=EpisodeFactory(pack=PackFactory(brand=harbor)))
        StepFactory(episode=EpisodeFactory(pack=PackFactory(brand=lumen)))
        assert list(Step.objects.for_brand(harbor)) == [ours]

    def test_every_brand_owned_model_is_guarded(self):
        owned = [model for model in apps.get_models() if issubclass(model, BrandOwned)]
        assert len(owned) > 20
        for model in owned:
            assert isinstance(model.objects, BrandManager) or model.objects.get_queryset()._guarded, model
            root = model.brand_path.split("__")[-1]
            assert root == "brand", f"{model.__name__}.brand_path must end at the brand"


class TestAcrossBrands:
    def test_its_uses_are_few_and_listed(self):
        used = set()
        for app in ("crm", "rlhf", "training", "orchestrator"):
            for path in (ROOT / app).rglob("*.py"):
                if re.search(r"\bacross_brands\b", path.read_text()):
                    used.add(str(path.relative_to(ROOT)))
        assert used - ACROSS_BRANDS_IS_FOR == set(), "start these from a brand, or list them here with good reason"

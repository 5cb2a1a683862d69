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
#: Where the system itself looks after every tenant, and why.
ACROSS_BRANDS_IS_FOR = {
    "crm/models/tenancy.py": "defines it",
    "crm/report_imports/carrying.py": "loads by the id that a service queued, sweeps imports of every tenant",
    "crm/report_imports/watching.py": "looks into the places of every tenant",
    "crm/models/performance.py": "names the default manager",
    "crm/models/pipeline.py": "writes a row of an instance at hand",
    "crm/admin/base.py": "the admin sees all tenants",
    "crm/admin/pipeline.py": "the admin sees all tenants",
    "crm/sample/making.py": "only creates",
    "crm/sample/leads.py": "only creates",
    "crm/sample/media.py": "only creates",
    "crm/upserts.py": "writes rows of one brand that the caller checked",
    "crm/market/answers.py": "releases due events of every simulated brand",
    "rlhf/rewards.py": "locks a row of an instance at hand",
    "rlhf/tasks.py": "loads by the id that a service queued",
    "training/runs.py": "closes lost runs of every tenant",
    "orchestrator/models/episodes.py": "defines its own managers",
    "orchestrator/engine/claim.py": "workers serve every tenant",
    "orchestrator/engine/effects.py": "by a key that names its episode",
    "orchestrator/engine/recovery.py": "sweeps expired leases of every tenant",
    "orchestrator/engine/run.py": "loads by the id that a service queued",
    "orchestrator/conclusion.py": "sweeps rewards of every tenant",
    "orchestrator/tasks.py": "loads by the id that a service queued",
    "orchestrator/training_orders.py": "loads by the id that a service queued, sweeps orders of every tenant",
    "orchestrator/cli/choices.py": "the operator at the command line may name any brand",
    "orchestrator/views/filters.py": "an empty choice until the brand is known",
}


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
                if "migrations" not in path.parts and re.search(r"\bacross_brands\b", path.read_text()):
                    used.add(str(path.relative_to(ROOT)))
        assert used == set(ACROSS_BRANDS_IS_FOR), "start these from a brand, or list them here with good reason"

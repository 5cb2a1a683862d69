"""One whole turn of the loop through the public doors: import, run, train, run what was learned, look back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from typer.testing import CliRunner

from crm.models import Brand, Import, Lead, QuarantinedRow, Sale
from orchestrator.models import Episode, PolicyVersion
from rlhf.models import Reward

pytestmark = pytest.mark.django_db(transaction=True)

SALES = {
    "sales": [
        {"id": "S-1", "packSlug": "tax-assist", "amount": "€1,140.00", "date": "2026-09-16"},
        {"id": "S-2", "pack_slug": "win-back-email", "amount": 320, "date": "18 Sep 2026"},
        {"id": "S-3", "pack": "no-such-pack", "amount": 99, "date": "2026-09-18"},
    ]
}
LEADS = {
    "leads": [
        {"id": "L-1", "name": "Fennel & Co", "stage": "qualified", "packSlug": "tax-assist"},
        {"id": "L-2", "name": "Corner & Crumb", "pipelineStage": "proposal", "pack": "tax-assist"},
        {"id": "L-3", "name": "Ashgrove Deli", "status": "dreaming", "pack": "tax-assist"},
    ]
}


def command_line(*arguments: str) -> str:
    from orchestrator.cli import app

    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def importing(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))
    call_command("import_crm", str(path), brand="harbor-oats", stdout=io.StringIO())


class TestTheWholeLoop:
    def test_it_turns_once(self, tmp_path: Path):
        call_command("init_sample_data", verbosity=0)
        brand = Brand.objects.get(slug="harbor-oats")

        # CRM files come in; what does not fit is set aside, with the field and the value.
        importing(tmp_path / "sales.json", SALES)
        importing(tmp_path / "master_leads.json", LEADS)
        assert Sale.objects.for_brand(brand).filter(external_id__in=["S-1", "S-2", "S-3"]).count() == 2
        assert Lead.objects.for_brand(brand).filter(external_id__in=["L-1", "L-2", "L-3"]).count() == 2
        ours = QuarantinedRow.objects.for_brand(brand).filter(file__in=["sales.json", "master_leads.json"])
        aside = set(ours.values_list("field", "value"))
        assert aside == {("pack", "no-such-pack"), ("status", "dreaming")}
        before = Sale.objects.for_brand(brand).count(), Lead.objects.for_brand(brand).count()
        importing(tmp_path / "sales.json", SALES)
        importing(tmp_path / "master_leads.json", LEADS)
        assert (Sale.objects.for_brand(brand).count(), Lead.objects.for_brand(brand).count()) == before
        assert Import.objects.for_brand(brand).exclude(state="failed").count() >= 2

        # Thirty runs by the rules, through the command line.
        said = command_line(
            "generate-dynamic-runs", "tax-assist", "--mode", "rule", "--runs", "30", "--max-steps", "8",
            "--brand", "harbor-oats",
        )  # fmt: skip
        assert "30" in said
        rule = Episode.objects.for_brand(brand).filter(mode="rule")
        assert rule.rewarded().count() == 30

        # Training through the API.
        client = Client()
        from django.contrib.auth import get_user_model

        client.force_login(
            get_user_model().objects.get(username="ana"), backend="django.contrib.auth.backends.ModelBackend"
        )
        reply = client.post(
            "/api/orchestrator/train?max_runs=100", content_type="application/json", headers={"X-Brand": "harbor-oats"}
        )
        assert reply.status_code == 200, reply.content
        summary = reply.json()
        assert set(summary) == {
            "total_runs", "total_runs_used", "avg_reward", "avg_episode_reward", "updated_buckets",
            "number_of_buckets_updated", "policy_mode_distribution", "skipped", "version", "evidence",
        }  # fmt: skip
        assert summary["total_runs"] == 30
        assert summary["policy_mode_distribution"] == {"rule": 30}
        version = PolicyVersion.objects.for_brand(brand).order_by("-number").first()
        assert version is not None
        assert summary["version"] == version.number >= 1

        # Thirty runs of what was learned.
        command_line(
            "generate-dynamic-runs", "tax-assist", "--mode", "rl", "--runs", "30", "--max-steps", "8",
            "--brand", "harbor-oats",
        )  # fmt: skip
        learned = Episode.objects.for_brand(brand).filter(mode="rl")
        assert learned.rewarded().count() == 30
        serving = PolicyVersion.objects.for_brand(brand).get(serving=True)
        for episode in learned.prefetch_related("steps"):
            assert episode.policy_version_id == serving.pk
            for step in episode.steps.all():
                assert step.policy == f"rl@{serving.number}"
                assert abs(sum(step.probabilities) - 1) < 1e-6
                assert step.action in step.allowed

        # Every reward names its parts, and the parts add up; other weights can be replayed over the past.
        from rlhf.reward import RewardWeights
        from rlhf.rewards import replay

        rewards = Reward.objects.for_brand(brand).filter(is_current=True).select_related("experience")
        assert rewards.count() == 60
        for reward in rewards:
            assert sum(part["adds"] for part in reward.components["parts"]) == pytest.approx(reward.value)
        without_sales = {
            experience.pk: value for experience, value in replay(brand=brand, weights=RewardWeights(crm_sale_bonus=0))
        }
        for reward in rewards:
            sold = next(part["adds"] for part in reward.components["parts"] if part["name"] == "sale")
            assert without_sales[reward.experience_id] == pytest.approx(reward.value - sold)

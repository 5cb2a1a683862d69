"""What people may do with episodes, and what they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.models import Brand, Lead, Pack
from orchestrator import deliveries, engine, episodes
from orchestrator.engine.claim import claim
from orchestrator.episodes import BadRun, NotAllowedNow
from orchestrator.models import Episode, PolicyVersion, RecordedReply, Step
from tests.factories import EpisodeFactory, PackFactory, SKUFactory
from tests.orchestrator.noop_runtime import Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(harbor: Brand) -> Pack:
    return PackFactory(brand=harbor, slug="win-back", max_steps=7)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Episodes that workers were told about."""
    told: list[int] = []
    monkeypatch.setattr(deliveries, "send", lambda task, episode_id: told.append(episode_id) or True)
    return told


def lead(brand: Brand, key: str, pack: Pack | None = None, stage: str = "prospect") -> Lead:
    return Lead.across_brands.create(brand=brand, external_id=key, name=f"Lead {key}", pack=pack, funnel_stage=stage)


def in_state(pack: Pack, state: str, **fields: Any) -> Episode:
    return EpisodeFactory(pack=pack, state=state, **fields)


class TestStart:
    def test_it_queues_an_episode_of_the_pack_and_tells_a_worker_on_commit(
        self, pack, ana, sent, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            episode = episodes.start(brand=pack.brand, pack=pack, mode="rule", request="  More oats.  ", by=ana)
            assert sent == []
        assert sent == [episode.pk]
        assert (episode.state, episode.mode, episode.max_steps) == ("queued", "rule", 7)
        assert (episode.request, episode.created_by, episode.simulated) == ("More oats.", ana, False)

    def test_it_tells_nobody_when_the_caller_runs_it(self, pack, sent, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            episodes.start(brand=pack.brand, pack=pack, deliver=False)
        assert sent == []

    def test_it_picks_an_open_lead_of_the_pack_and_pins_the_funnel(self, pack, sent):
        lead(pack.brand, "other-pack")
        lead(pack.brand, "won", pack, "purchased")
        lead(pack.brand, "open", pack, "engaged")
        episode = episodes.start(brand=pack.brand, pack=pack)
        assert (episode.subject["kind"], episode.subject["key"]) == ("prospect", "open")
        assert episode.title == "Lead open"
        assert episode.subject["funnel"]["purchased"] == episode.subject["funnel"]["engaged"] == 1
        assert sum(episode.subject["funnel"].values()) == 2

    def test_a_creative_pack_is_about_a_product(self, harbor, sent):
        SKUFactory(brand=harbor, code="OAT-5KG", name="Rolled oats")
        episode = episodes.start(brand=harbor, pack=PackFactory(brand=harbor, task="creative"))
        assert (episode.subject["code"], episode.title) == ("OAT-5KG", "Rolled oats")

    def test_the_same_seed_picks_the_same_subject(self, pack, sent):
        for number in range(30):
            lead(pack.brand, f"L-{number}", pack)
        picked = {
            seed: {episodes.start(brand=pack.brand, pack=pack, seed=seed).subject["key"] for _ in range(3)}
            for seed in range(8)
        }
        assert all(len(keys) == 1 for keys in picked.values())
        assert len(set.union(*picked.values())) > 1

    def test_rl_pins_the_serving_version_and_others_pin_none(self, pack, sent):
        assert episodes.start(brand=pack.brand, pack=pack, mode="rule").policy_version is None
        learned = episodes.start(brand=pack.brand, pack=pack, mode="rl")
        serving = PolicyVersion.objects.for_brand(pack.brand).get(serving=True)
        assert learned.policy_version == serving

    @pytest.mark.parametrize("steps", [0, 101, -1, True, 3.0, "20"])
    def test_steps_out_of_range_are_refused_by_name(self, pack, steps):
        with pytest.raises(BadRun, match="whole number from 1 to 100") as refused:
            episodes.start(brand=pack.brand, pack=pack, max_steps=steps)
        assert refused.value.detail == {"field": "max_steps", "value": steps}

    @pytest.mark.parametrize("steps", [1, 100])
    def test_the_ends_of_the_range_are_fine(self, pack, steps, sent):
        assert episodes.start(brand=pack.brand, pack=pack, max_steps=steps).max_steps == steps

    def test_an_unknown_mode_is_refused_with_the_known_ones(self, pack):
        with pytest.raises(BadRun, match="rule, rl, static") as refused:
            episodes.start(brand=pack.brand, pack=pack, mode="magic")
        assert refused.value.detail["field"] == "mode"

    def test_a_pack_of_another_brand_is_refused(self, pack, lumen):
        with pytest.raises(BadRun, match="no pack win-back"):
            episodes.start(brand=lumen, pack=pack)

    def test_a_request_that_is_too_long_is_refused(self, pack):
        with pytest.raises(BadRun, match="4,001"):
            episodes.start(brand=pack.brand, pack=pack, request="x" * 4001)


# what each wish makes of each state: the new state, or the new wish of a running one; absent: refused
OBEYED = {
    ("pause", "queued"): ("paused", ""),
    ("pause", "running"): ("running", "pause"),
    ("resume", "paused"): ("queued", ""),
    ("cancel", "queued"): ("cancelled", ""),
    ("cancel", "paused"): ("cancelled", ""),
    ("cancel", "stuck"): ("cancelled", ""),
    ("cancel", "running"): ("running", "cancel"),
    ("retry", "failed"): ("queued", ""),
    ("retry", "stuck"): ("queued", ""),
}
STATES = ["queued", "running", "paused", "done", "failed", "cancelled", "stuck"]


class TestWishes:
    @pytest.mark.parametrize("wish", ["pause", "resume", "cancel", "retry"])
    @pytest.mark.parametrize("state", STATES)
    def test_each_state_obeys_or_refuses(self, pack, sent, wish, state):
        episode = in_state(pack, state)
        if expected := OBEYED.get((wish, state)):
            changed = getattr(episodes, wish)(episode=episode)
            assert (changed.state, changed.wanted) == expected
            changed.refresh_from_db()
            assert (changed.state, changed.wanted) == expected
        else:
            with pytest.raises(NotAllowedNow) as refused:
                getattr(episodes, wish)(episode=episode)
            assert refused.value.status == 409
            assert refused.value.detail["state"] == state
            assert episode.number in refused.value.message
            episode.refresh_from_db()
            assert (episode.state, episode.wanted) == (state, "")

    @pytest.mark.parametrize("wish", ["pause", "cancel"])
    def test_the_same_wish_twice_is_refused(self, pack, wish):
        episode = in_state(pack, "running")
        getattr(episodes, wish)(episode=episode)
        with pytest.raises(NotAllowedNow, match=f"already asked to {wish}"):
            getattr(episodes, wish)(episode=episode)

    def test_cancel_overrides_a_pause_that_waits(self, pack):
        episode = in_state(pack, "running", wanted="pause")
        assert episodes.cancel(episode=episode).wanted == "cancel"

    def test_pause_does_not_override_a_cancel_that_waits(self, pack):
        with pytest.raises(NotAllowedNow):
            episodes.pause(episode=in_state(pack, "running", wanted="cancel"))

    def test_resume_takes_back_a_pause_that_waits(self, pack):
        assert episodes.resume(episode=in_state(pack, "running", wanted="pause")).wanted == ""

    def test_it_looks_at_the_database_and_not_at_the_object_in_hand(self, pack):
        episode = in_state(pack, "queued")
        Episode.across_brands.filter(pk=episode.pk).update(state="done")
        with pytest.raises(NotAllowedNow, match="is done"):
            episodes.pause(episode=episode)

    def test_resume_and_retry_tell_a_worker(self, pack, sent, django_capture_on_commit_callbacks):
        paused, stuck = in_state(pack, "paused"), in_state(pack, "stuck", attempts=5, error="lost")
        with django_capture_on_commit_callbacks(execute=True):
            episodes.resume(episode=paused)
            episodes.retry(episode=stuck)
        assert sent == [paused.pk, stuck.pk]
        assert (stuck.attempts, stuck.error, stuck.finished_at) == (0, "", None)

    def test_a_cancelled_episode_has_an_end(self, pack):
        assert episodes.cancel(episode=in_state(pack, "queued")).finished_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
class TestPauseAndGoOn:
    def test_a_paused_episode_goes_on_where_it_stood(self, harbor, sent):
        episode = EpisodeFactory(pack=PackFactory(brand=harbor), max_steps=4)

        def pausing(loaded: Any, effects: Any) -> None:
            if loaded.index == 1:
                episodes.pause(episode=Episode.across_brands.get(pk=episode.pk))

        assert engine.run(episode.pk, worker="w", runtime=Worker(pausing)) == "paused"
        assert claim(episode.pk, worker="w") is None
        episodes.resume(episode=episode)
        second = Worker()
        assert engine.run(episode.pk, worker="w", runtime=second) == "done"
        assert second.worked == [2, 3]

    def test_a_retried_failure_does_its_step_again_and_no_effect_twice(self, harbor, sent):
        episode = EpisodeFactory(pack=PackFactory(brand=harbor), max_steps=3)
        calls: list[str] = []

        def fails_once(loaded: Any, effects: Any) -> Any:
            reply = effects.once("mail", lambda key: calls.append(key) or len(calls))
            if loaded.index == 1 and len(calls) == 2 and "failed" not in calls:
                calls.append("failed")
                raise ValueError("bad day")
            return reply

        assert engine.run(episode.pk, worker="w", runtime=Worker(fails_once)) == "failed"
        episodes.retry(episode=Episode.across_brands.get(pk=episode.pk))
        assert engine.run(episode.pk, worker="w", runtime=Worker(fails_once)) == "done"
        calls.remove("failed")
        assert calls == [f"{episode.public_id}/{index}/mail" for index in range(3)]


@pytest.mark.django_db(transaction=True)
class TestFork:
    @pytest.fixture
    def parent(self, harbor: Brand) -> Episode:
        episode = EpisodeFactory(
            pack=PackFactory(brand=harbor), max_steps=5, title="Ashgrove Deli", request="More", subject={"key": "L-1"}
        )
        engine.run(
            episode.pk,
            worker="w",
            runtime=Worker(lambda _, effects: effects.once("mail", lambda key: key), finish_at=3),
        )
        episode.refresh_from_db()
        return episode

    def test_it_takes_over_the_first_steps_and_goes_its_own_way(self, parent, ana, sent):
        child = episodes.fork(episode=parent, after_step=2, by=ana)
        assert sent == [child.pk]
        assert (child.state, child.forked_from, child.forked_after) == ("queued", parent, 2)
        assert (child.pack, child.mode, child.title, child.request) == (parent.pack, "rule", "Ashgrove Deli", "More")
        assert (child.subject, child.max_steps, child.created_by) == ({"key": "L-1"}, 5, ana)
        assert child.seed != parent.seed
        assert (child.steps_count, child.tokens, child.cost) == (2, 14, 2 * parent.cost / 4)

        worker = Worker()
        assert engine.run(child.pk, worker="w", runtime=worker) == "done"
        assert worker.worked == [2, 3, 4]
        drawn = {
            one.pk: list(Step.across_brands.filter(episode=one).values_list("output__drawn", flat=True))
            for one in (parent, child)
        }
        assert drawn[child.pk][:2] == drawn[parent.pk][:2]
        assert drawn[child.pk][2] != drawn[parent.pk][2]
        assert len(drawn[parent.pk]) == 4
        assert not RecordedReply.across_brands.filter(episode=child).exists()

    def test_it_can_begin_anew(self, parent, sent):
        assert episodes.fork(episode=parent, after_step=0).steps_count == 0

    @pytest.mark.parametrize("after", [-1, 5, 99])
    def test_steps_that_do_not_exist_are_refused(self, parent, after):
        with pytest.raises(NotAllowedNow, match="from 0 to 4"):
            episodes.fork(episode=parent, after_step=after)

    def test_nothing_follows_a_finish(self, parent):
        with pytest.raises(NotAllowedNow, match="Nothing is left to do"):
            episodes.fork(episode=parent, after_step=4)

    def test_a_refused_fork_leaves_nothing_behind(self, parent):
        before = Episode.across_brands.count()
        with pytest.raises(NotAllowedNow):
            episodes.fork(episode=parent, after_step=9)
        assert Episode.across_brands.count() == before

"""What Packs says: each pack with its run under way, its last run and the twenty before it; and the newest training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.utils import timezone
from django.utils.safestring import SafeString

from crm.charts.intervals import Mean, mean_of
from crm.charts.marks import interval_mark, share_bar, sparkline
from crm.models import Brand, Pack
from orchestrator.models import Episode, EpisodeState, PolicyMode, PolicyVersion, Step
from training.models import TrainingRun

HISTORY = 20
CHANGES = 3
AT_ONCE = 120  # runs whose training takes a few seconds
LONGEST_TRAINING = timedelta(minutes=15)
UNDER_WAY = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)


@dataclass(frozen=True)
class PackCard:
    """One pack as its card shows it. ``current`` is the run under way, ``last`` the newest that ended."""

    pack: Pack
    mode: str
    max_steps: int
    current: Episode | None
    last: Episode | None
    actions: list[str]
    doing: str
    history: list[Episode]
    spark: SafeString
    mean: float | None

    @property
    def failed(self) -> Episode | None:
        """The last run when it failed or got stuck and nothing runs since."""
        if self.current is None and self.last is not None and self.last.state in _TROUBLE:
            return self.last
        return None

    @property
    def failed_words(self) -> str:
        """`Failed at step 3`, or that it needs a person."""
        if self.failed is None:
            return ""
        if self.failed.state == EpisodeState.STUCK:
            return "Stuck, needs a person"
        return f"Failed at step {self.failed.steps_count + 1}"

    @property
    def rewarded(self) -> int:
        return sum(run.reward is not None for run in self.history)

    @property
    def standing(self) -> str:
        """running, failed or ready: what the tabs sort by."""
        return "running" if self.current else "failed" if self.failed else "ready"


_TROUBLE = (EpisodeState.FAILED, EpisodeState.STUCK)


def cards(brand: Brand, *, chosen: dict[str, str], packs: Iterable[Pack] | None = None) -> list[PackCard]:
    """Cards for the packs (all of the brand by default): four questions. ``chosen``: policy mode by slug."""
    listed = list(Pack.objects.for_brand(brand).order_by("name") if packs is None else packs)
    newest: dict[int, list[Episode]] = {pack.pk: [] for pack in listed}
    for episode in _newest(brand, list(newest)):
        newest[episode.pack_id].append(episode)
    shown = [episode.pk for runs in newest.values() for episode in _shown(runs)]
    actions: dict[int, list[str]] = {}
    steps = Step.objects.for_brand(brand).filter(episode__in=shown).order_by("episode", "index")
    for episode_id, action in steps.values_list("episode_id", "action"):
        actions.setdefault(episode_id, []).append(action)
    return [_card(pack, newest[pack.pk], actions, chosen.get(pack.slug, PolicyMode.RULE)) for pack in listed]


def _newest(brand: Brand, packs: list[int]) -> Iterable[Episode]:
    """The newest runs of every pack: since when first, by a look into the index for each, then the runs since then."""
    runs = Episode.objects.for_brand(brand)
    nth = runs.filter(pack=OuterRef("pk")).order_by("-created_at").values("created_at")[HISTORY : HISTORY + 1]
    wanted = Q(pk__in=[])
    for pack, since in Pack.objects.for_brand(brand).filter(pk__in=packs).values_list("pk", Subquery(nth)):
        wanted |= Q(pack=pack, created_at__gte=since) if since else Q(pack=pack)
    found: Iterable[Episode] = runs.filter(wanted).with_names().order_by("-created_at", "-pk")
    return found


def _shown(runs: list[Episode]) -> list[Episode]:
    current = next((run for run in runs if run.is_open), None)
    last = next((run for run in runs if not run.is_open), None)
    return [run for run in (current, last) if run is not None]


def _card(pack: Pack, runs: list[Episode], actions: dict[int, list[str]], mode: str) -> PackCard:
    current = next((run for run in runs if run.is_open), None)
    last = next((run for run in runs if not run.is_open), None)
    history = [run for run in runs if not run.is_open][:HISTORY]
    rewards = [run.reward for run in reversed(history) if run.reward is not None]
    done = actions.get(current.pk, []) if current else []
    return PackCard(
        pack=pack,
        mode=mode,
        max_steps=pack.max_steps,
        current=current,
        last=last,
        actions=actions.get(last.pk, []) if last else [],
        doing=done[-1] if done else "",
        history=history,
        spark=sparkline(rewards),
        mean=sum(rewards) / len(rewards) if rewards else None,
    )


@dataclass(frozen=True)
class ModeShare:
    """How many of the runs a training used came from one policy mode."""

    mode: str
    runs: int
    share: float
    bar: SafeString
    mean: Mean
    mark: SafeString


@dataclass(frozen=True)
class Training:
    """The newest training of the policy, the newest version, the one that serves, and what is new since.

    ``trained_at`` is when the newest version was made, None while that is version 0, the rules. ``fresh_runs`` ended
    after the training was asked for, ``unlearned_runs`` after the newest version was made.
    """

    run: TrainingRun | None
    newest: PolicyVersion | None
    serving: PolicyVersion | None
    trained_at: datetime | None
    fresh_runs: int
    unlearned_runs: int
    shares: list[ModeShare]

    @property
    def summary(self) -> dict[str, Any]:
        return dict(self.run.summary) if self.run and self.run.summary else {}

    @property
    def result_title(self) -> str:
        version = self.summary.get("version")
        return f"Policy v{version} trained" if version else "Policy trained"

    @property
    def skipped(self) -> int:
        return int((self.summary.get("skipped") or {}).get("count", 0))

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why runs were skipped, the most frequent first."""
        reasons = (self.summary.get("skipped") or {}).get("reasons") or {}
        return sorted(reasons.items(), key=lambda reason: -reason[1])

    @property
    def changes(self) -> list[ChangedPick]:
        """Where the policy now picks differently, the largest changes first."""
        buckets = sorted(self.summary.get("updated_buckets") or [], key=lambda bucket: -bucket["moved"])
        return [changed_pick(bucket) for bucket in buckets[:CHANGES]]


@dataclass(frozen=True)
class ChangedPick:
    """One kind of situation and what the policy favours there, before and now."""

    pack: str
    situation: str
    before: str
    before_odds: float
    now: str
    now_odds: float
    seen: int
    reward: float


def changed_pick(bucket: dict[str, Any]) -> ChangedPick:
    """A bucket as a training stored it, in words."""
    after = f"after {bucket['last']}" if bucket["last"] else "at the start"
    before = max(bucket["before"], key=bucket["before"].get, default="")
    now = max(bucket["now"], key=bucket["now"].get, default="")
    return ChangedPick(
        pack=bucket["pack"],
        situation=f"{bucket['phase']}, quality {bucket['quality']}, {after}",
        before=before,
        before_odds=bucket["before"].get(before, 0.0),
        now=now,
        now_odds=bucket["now"].get(now, 0.0),
        seen=bucket["seen"],
        reward=bucket["reward"],
    )


def training(brand: Brand, *, with_shares: bool = True) -> Training:
    """What was learned and what is new since: three questions, and one for the shares."""
    lost = Q(state__in=UNDER_WAY, created_at__lte=timezone.now() - LONGEST_TRAINING)
    runs = TrainingRun.objects.for_brand(brand).filter(kind=TrainingRun.Kind.POLICY).exclude(lost)
    run = runs.select_related("by").order_by("-created_at", "-pk").first()
    versions = PolicyVersion.objects.for_brand(brand).defer("parameters", "buckets", "summary")
    serving_first = list(versions.order_by("-serving", "-number")[:2])
    newest = max(serving_first, key=lambda version: version.number, default=None)
    trained_at = newest.created_at if newest and newest.number else None
    fresh, unlearned = _rewarded_since(brand, run.created_at if run else None, trained_at)
    return Training(
        run=run,
        newest=newest,
        serving=next((version for version in serving_first if version.serving), None),
        trained_at=trained_at,
        fresh_runs=fresh,
        unlearned_runs=unlearned,
        shares=mode_shares(brand, run.summary) if run and with_shares else [],
    )


def _rewarded_since(brand: Brand, training: datetime | None, version: datetime | None) -> tuple[int, int]:
    """Rewarded runs that ended after each of the two moments, or ever where there was none: one question."""
    rewarded = Episode.objects.for_brand(brand).rewarded()
    if training and version:
        rewarded = rewarded.filter(finished_at__gt=min(training, version))  # the newest of many
    counts = rewarded.aggregate(
        fresh=Count("reward", filter=Q(finished_at__gt=training) if training else None),
        unlearned=Count("reward", filter=Q(finished_at__gt=version) if version else None),
    )
    return counts["fresh"], counts["unlearned"]


def many_runs(brand: Brand) -> bool:
    """Whether a training would take longer than somebody likes to wait for a page."""
    return Episode.objects.for_brand(brand).rewarded().order_by()[: AT_ONCE + 1].count() > AT_ONCE


def training_under_way(brand: Brand) -> TrainingRun | None:
    """The training that runs now. One that began long ago lost its process and no longer counts."""
    running = TrainingRun.objects.for_brand(brand).filter(state__in=UNDER_WAY)
    found: TrainingRun | None = running.filter(created_at__gt=timezone.now() - LONGEST_TRAINING).first()
    return found


def mode_shares(brand: Brand, summary: dict[str, Any]) -> list[ModeShare]:
    """Rows of the table under a training result: the runs it used by mode, and how those modes are rewarded now."""
    counts: dict[str, int] = summary.get("policy_mode_distribution") or {}
    if not counts:
        return []
    total, most = sum(counts.values()), max(counts.values())
    sums = (
        Episode.objects.for_brand(brand)
        .rewarded()
        .filter(simulated=brand.is_simulated)
        .order_by()
        .values_list("mode")
        .annotate(count=Count("*"), total=Sum("reward"), squares=Sum(F("reward") * F("reward")))
    )
    means = {mode: mean_of(count, rewards, squares) for mode, count, rewards, squares in sums}
    ends = [end for mean in means.values() for end in (mean.low, mean.high) if end is not None]
    axis = (min(ends), max(ends)) if ends else (0.0, 1.0)
    shares = []
    for mode, runs in sorted(counts.items(), key=lambda item: -item[1]):
        mean = means.get(mode, Mean(0, None))
        mark = interval_mark(mean.mean, mean.low, mean.high, axis=axis)
        shares.append(ModeShare(mode, runs, runs / total if total else 0.0, share_bar(runs, most, mode), mean, mark))
    return shares

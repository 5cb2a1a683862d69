"""The statistics of feedback: computed a second time by other means, for one brand and the people who count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import krippendorff
import numpy as np
import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone
from sklearn.metrics import cohen_kappa_score

from rlhf.agreement import Estimate
from rlhf.feedback import stats
from rlhf.feedback.statistics.agreeing import together
from rlhf.feedback.statistics.asked import BadQuestion
from rlhf.feedback.statistics.stretches import stretches
from rlhf.feedback.statistics.versions import compared
from rlhf.feedback.stats import statistics
from rlhf.models import Feedback, PreferencePair, RaterSettings, RatingItem, RatingTask
from tests.rlhf.feedback import saying

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 9, 17, 12, tzinfo=UTC)  # a Thursday


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def raters(harbor):
    return saying.people_of(harbor, "ida", "tom", "priya")


class TestCounts:
    def test_they_go_by_type_task_rater_and_week(self, harbor, raters):
        ida, tom, _ = raters
        mails, texts = saying.work(harbor, 3), saying.work(harbor, 2, kind="creative")
        with time_machine.travel(NOW, tick=False):
            monday = NOW - timedelta(days=3, hours=12)
            saying.stars(mails[0], ida, 5, at=NOW)
            saying.stars(mails[0], tom, 3, at=monday)
            saying.stars(texts[0], tom, 3, at=monday - timedelta(seconds=1))  # Sunday: the week before
            saying.thumb(texts[0], ida, False, at=NOW)
            saying.choice(mails[0], mails[1], ida, "tie", at=NOW)
            found = statistics(harbor, since=NOW - timedelta(weeks=2))
            assert found.total == 5
            assert found.counts.by_type() == {"stars": 3, "thumb": 1, "pair": 1}
            assert found.counts.by_kind() == {"outreach": 3, "creative": 2}
            assert {one.name: one.ratings for one in found.raters} == {"ida": 3, "tom": 2}
            assert [stretch.label for stretch in found.cut] == ["31 Aug", "7 Sep", "14 Sep"]
            assert [sum(one.values()) for one in found.counts.over_time(lambda cell: cell.type)] == [0, 1, 4]
            assert found.counts.stars() == {1: 0, 2: 0, 3: 2, 4: 0, 5: 1}
            assert found.counts.thumbs() == {"up": 0, "down": 1}
            assert found.counts.verdicts() == {"a": 0, "b": 0, "tie": 1, "both_bad": 0}

    def test_what_was_taken_back_repeated_or_said_by_the_panel_does_not_count(self, harbor, raters):
        one, ida = saying.work(harbor)[0], raters[0]
        saying.stars(one, ida, 5)
        saying.stars(one, ida, 4, undone_at=timezone.now())
        saying.stars(one, ida, 3, counts=False)
        saying.stars(one, None, 1, source="panel", rater_name="Panel 1")
        assert statistics(harbor).counts.stars() == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1}

    def test_the_panel_stands_alone(self, harbor, raters):
        one = saying.work(harbor)[0]
        saying.stars(one, raters[0], 5)
        saying.stars(one, None, 1, source="panel", rater_name="Panel 1")
        found = statistics(harbor, source="panel")
        assert found.counts.stars()[1] == 1
        assert found.total == 1
        assert found.as_dict()["simulated"] is True
        assert [one.name for one in found.raters] == ["Panel 1"]

    def test_another_brand_s_words_are_not_there(self, harbor, lumen, raters):
        saying.stars(saying.work(lumen)[0], raters[0], 5)
        assert statistics(harbor).total == 0

    def test_filters_narrow_them(self, harbor, raters):
        ida, tom, _ = raters
        mail, text = saying.work(harbor)[0], saying.work(harbor, kind="creative")[0]
        saying.stars(mail, ida, 5)
        saying.stars(text, tom, 4, source="widget")
        saying.stars(text, None, 2, source="import", rater_name="Jo")
        assert statistics(harbor, kind="creative").total == 2
        assert statistics(harbor, rater=ida).total == 1
        assert statistics(harbor, rater="tom").total == 1
        assert statistics(harbor, rater=tom.pk).total == 1
        assert statistics(harbor, rater="name:Jo").total == 1
        assert statistics(harbor, rater="Jo").counts.stars()[2] == 1
        assert statistics(harbor, source="widget").total == 1
        assert statistics(harbor, until=timezone.now() - timedelta(days=1)).total == 0

    def test_a_source_that_is_none_and_a_time_that_ends_first_are_refused(self, harbor):
        with pytest.raises(BadQuestion, match="source is one of"):
            statistics(harbor, source="robots")
        with pytest.raises(BadQuestion, match="ends before"):
            statistics(harbor, since=NOW, until=NOW)

    def test_the_next_word_and_one_taken_back_are_seen_at_once(self, harbor, raters):
        one, ida = saying.work(harbor)[0], raters[0]
        assert statistics(harbor).total == 0
        said = saying.stars(one, ida, 5)
        assert statistics(harbor).total == 1
        Feedback.objects.for_brand(harbor).filter(pk=said.pk).update(undone_at=timezone.now())
        assert statistics(harbor).total == 0

    def test_a_time_ahead_is_one_empty_stretch(self, harbor, raters):
        saying.stars(saying.work(harbor)[0], raters[0], 5)
        found = statistics(harbor, since=timezone.now() + timedelta(days=30))
        assert (found.total, len(found.cut)) == (0, 1)

    def test_a_long_time_is_cut_into_longer_stretches(self):
        years = stretches(NOW - timedelta(days=3 * 365), NOW)
        assert len(years) <= 26
        assert {one.weeks for one in years} == {13}
        assert years[0].begins.weekday() == 0
        assert years[-1].begins <= NOW < years[-1].ends


class TestAgreement:
    def test_alpha_of_stars_is_the_ordinal_one_of_an_independent_implementation(self, harbor, raters):
        draw = np.random.default_rng(5)
        table = np.full((3, 40), np.nan)  # (raters, items)
        for number, one in enumerate(saying.work(harbor, 40)):
            for place in draw.choice(3, size=2 + number % 2, replace=False):
                table[place, number] = np.clip(number % 5 + 1 + draw.integers(-1, 2), 1, 5)
                saying.stars(one, raters[place], int(table[place, number]))
        expected = krippendorff.alpha(reliability_data=table, level_of_measurement="ordinal")
        found = statistics(harbor).agreement
        assert found.alpha.value == pytest.approx(expected, abs=1e-9)
        assert found.by_kind["outreach"].value == pytest.approx(expected, abs=1e-9)
        assert found.alpha.low < expected < found.alpha.high
        assert found.alpha.n == 40

    def test_a_choice_shown_the_other_way_round_is_the_same_choice(self, harbor, raters):
        ida, tom, _ = raters
        mails = saying.work(harbor, 6)
        for number in range(0, 6, 2):
            a, b = mails[number], mails[number + 1]
            said = "a" if number else "b"
            saying.choice(a, b, ida, said)
            saying.choice(b, a, tom, "b" if said == "a" else "a")
        assert statistics(harbor).agreement.alpha.value == pytest.approx(1.0)

    def test_scales_are_averaged_by_their_ratings(self, harbor, raters):
        ida, tom, priya = raters
        mails = saying.work(harbor, 12)
        stars = [(1, 1), (2, 3), (5, 5), (4, 5), (3, 3)]
        for one, (first, second) in zip(mails, stars, strict=False):
            saying.stars(one, ida, first)
            saying.stars(one, tom, second)
        thumbs = [(1, 1), (0, 0), (1, 0), (1, 1)]
        for one, (first, second) in zip(mails[6:], thumbs, strict=False):
            saying.thumb(one, ida, bool(first))
            saying.thumb(one, priya, bool(second))
        both = [
            krippendorff.alpha(reliability_data=np.array(table, float).T, level_of_measurement=level)
            for table, level in ((stars, "ordinal"), (thumbs, "nominal"))
        ]
        assert statistics(harbor).agreement.alpha.value == pytest.approx((both[0] * 10 + both[1] * 8) / 18)

    def test_a_person_s_newest_word_counts(self, harbor, raters):
        ida, tom, _ = raters
        for number, one in enumerate(saying.work(harbor, 4)):
            saying.stars(one, ida, 1 + (number + 1) % 4, at=timezone.now() - timedelta(days=1))
            saying.stars(one, ida, 1 + number)
            saying.stars(one, tom, 1 + number)
        assert statistics(harbor).agreement.alpha.value == pytest.approx(1.0)

    def test_over_time_is_what_it_was_after_each_week(self, harbor, raters):
        ida, tom, _ = raters
        with time_machine.travel(NOW, tick=False):
            for number, one in enumerate(saying.work(harbor, 4)):
                saying.stars(one, ida, 1 + number, at=NOW - timedelta(weeks=2))
                saying.stars(one, tom, 1 + number, at=NOW - timedelta(weeks=1))
            found = statistics(harbor, since=NOW - timedelta(weeks=2)).agreement.over_time
            known = statistics(harbor, since=NOW - timedelta(weeks=2)).agreement.alpha
        assert [one.n for one in found] == [0, 4, 4]
        assert found[1].value == pytest.approx(1.0)
        assert found[2] == known
        assert found[0].value is None and found[0].why

    def test_a_person_is_compared_with_everybody_else(self, harbor, raters):
        ida, tom, priya = raters
        draw = np.random.default_rng(3)
        mine, theirs = [], []
        for one in saying.work(harbor, 30):
            said = [int(value) for value in draw.integers(1, 6, size=3)]
            for rater, given in zip(raters, said, strict=True):
                saying.stars(one, rater, given)
            mine += [said[0], said[0]]
            theirs += said[1:]
        found = next(one for one in statistics(harbor).raters if one.name == ida.username)
        expected = cohen_kappa_score(mine, theirs, weights="quadratic", labels=[1, 2, 3, 4, 5])
        assert found.agrees.value == pytest.approx(expected)
        assert found.agrees.n == 60

    def test_somebody_who_answers_by_chance_is_the_least_reliable(self, harbor, raters):
        draw = np.random.default_rng(1)
        for number, one in enumerate(saying.work(harbor, 40)):
            for rater in raters[:2]:
                saying.thumb(one, rater, number % 3 > 0)
            saying.thumb(one, raters[2], bool(draw.integers(0, 2)))
        reliable = {one.name: one.reliable for one in statistics(harbor).raters}
        assert reliable["priya"] < 0.7 < 0.95 < reliable["ida"]

    def test_two_people_alone_have_no_reliability(self, harbor, raters):
        for number, one in enumerate(saying.work(harbor, 5)):
            saying.thumb(one, raters[0], number % 2 > 0)
            saying.thumb(one, raters[1], number % 2 > 0)
        assert {one.reliable for one in statistics(harbor).raters} == {None}

    def test_how_fast_somebody_is_shows_only_with_their_consent(self, harbor, raters):
        ida, tom, _ = raters
        RaterSettings.objects.create(user=ida, timings_consent=True)
        RaterSettings.objects.create(user=tom, timings_consent=False)
        for number, one in enumerate(saying.work(harbor, 5)):
            for rater in (ida, tom):
                saying.stars(one, rater, 3, duration_ms=1000 * (number + 1))
        assert {one.name: one.seconds for one in statistics(harbor).raters} == {"ida": 3.0, "tom": None}

    def test_one_person_s_agreement_is_that_of_what_they_rated(self, harbor, raters):
        ida, tom, priya = raters
        mails = saying.work(harbor, 8)
        for number, one in enumerate(mails):
            saying.stars(one, tom, 1 + number % 4)
            saying.stars(one, ida if number < 4 else priya, 1 + number % 4 if number < 4 else 4 - number % 4)
        assert statistics(harbor, rater=ida).agreement.alpha.value == pytest.approx(1.0)
        assert statistics(harbor).agreement.alpha.value < 0.7

    def test_a_mean_of_independent_parts_has_the_interval_of_their_sum(self):
        parts = [(Estimate(value=0.5, low=0.4, high=0.7, n=3), 1.0), (Estimate(value=0.9, low=0.6, high=1.0, n=5), 3.0)]
        mean = together(parts)
        assert mean.value == pytest.approx(0.8)
        assert mean.low == pytest.approx(0.8 - np.hypot(0.25 * 0.1, 0.75 * 0.3))
        assert mean.high == pytest.approx(0.8 + np.hypot(0.25 * 0.2, 0.75 * 0.1))
        assert mean.n == 8

    def test_many_ratings_may_be_a_minute_old(self, harbor, raters, monkeypatch):
        monkeypatch.setattr(stats, "FEW", 1)
        mails = saying.work(harbor, 3)
        for number, one in enumerate(mails[:2]):
            for rater in raters[:2]:
                saying.stars(one, rater, 1 + number, at=NOW - timedelta(hours=2))
        with time_machine.travel(NOW, tick=False) as clock:
            assert statistics(harbor).agreement.alpha.n == 2
            for rater in raters[:2]:
                saying.stars(mails[2], rater, 5, at=NOW - timedelta(hours=1))
            lagging = statistics(harbor)
            assert lagging.agreement.alpha.n == 2 and lagging.total == 6
            clock.shift(61)
            assert statistics(harbor).agreement.alpha.n == 3


class TestVersions:
    def test_two_versions_have_the_win_rate_with_ties_as_half(self, harbor, raters):
        old, new = saying.work(harbor), saying.work(harbor, policy="rl@2")
        for verdict, n in (("a", 30), ("b", 10), ("tie", 8), ("both_bad", 3)):
            for _ in range(n):
                saying.choice(new[0], old[0], raters[0], verdict)
        found = statistics(harbor).versions["policy"]
        row = next(one for one in found.rows if one.against)
        assert (row.name, row.against) == ("rl@2", "rule@1") or (row.name, row.against) == ("rule@1", "rl@2")
        rate = row.rate.value if row.name == "rl@2" else 1 - row.rate.value
        assert rate == pytest.approx(34 / 48)
        # the observed information of a log-odds: n p (1 - p)
        error = 1 / np.sqrt(48 * (34 / 48) * (14 / 48))
        odds = np.log(34 / 14)
        low, high = (1 / (1 + np.exp(-(odds + sign * 1.959964 * error))) for sign in (-1, 1))
        bounds = (row.rate.low, row.rate.high) if row.name == "rl@2" else (1 - row.rate.high, 1 - row.rate.low)
        assert bounds == pytest.approx((low, high), abs=1e-6)
        assert (found.decided, found.tied, found.both_bad) == (40, 8, 3)

    def test_texts_of_one_version_say_nothing(self, harbor, raters):
        mails = saying.work(harbor, 2)
        saying.choice(mails[0], mails[1], raters[0], "a")
        found = statistics(harbor).versions
        assert found["policy"].rows == () and found["policy"].same == 1
        assert found["served_by"].same == 1

    def test_the_verdict_waits_until_the_whole_interval_is_on_one_side(self):
        def verdict(wins: int, losses: int) -> str:
            made = compared("policy", [("new", "old", "a", wins), ("new", "old", "b", losses)])
            row = next(one for one in made.rows if one.against)
            flip = {"better": "worse", "worse": "better"}
            return row.verdict if row.name == "new" else flip.get(row.verdict, row.verdict)

        assert verdict(99, 69) == "better"
        assert verdict(31, 29) == "unclear"
        assert verdict(20, 60) == "worse"

    def test_one_that_never_lost_has_the_plain_share_and_says_so(self):
        made = compared("policy", [("new", "old", "a", 5)])
        row = next(one for one in made.rows if one.against)
        assert row.method == "direct"
        assert row.rate.value in (0.0, 1.0) and row.rate.n == 5

    def test_versions_that_never_met_are_families_of_their_own(self):
        choices = [("a2", "a1", "a", 6), ("a2", "a1", "b", 2), ("b2", "b1", "a", 2), ("b2", "b1", "b", 1)]
        made = compared("policy", choices)
        assert [{row.name[0] for row in made.rows[:2]}, {row.name[0] for row in made.rows[2:]}] == [{"a"}, {"b"}]

    def test_a_third_version_is_measured_through_others(self):
        """v3 never met v1; its strength is the sum of the two steps of log-odds."""
        choices = [("v2", "v1", "a", 60), ("v2", "v1", "b", 30), ("v3", "v2", "a", 40), ("v3", "v2", "b", 10)]
        made = compared("policy", choices)
        rates = {row.name: row.rate.value for row in made.rows}
        assert next(row for row in made.rows if not row.against).name == "v2"
        assert rates["v1"] == pytest.approx(1 / 3)
        assert rates["v3"] == pytest.approx(0.8)


class TestQueue:
    def test_it_counts_what_waits_is_done_and_is_in_dispute(self, harbor):
        task = RatingTask.objects.for_brand(harbor).create(
            brand=harbor, slug="mails", name="Mails", kind="outreach", question="Would you answer?"
        )
        states = [("open", False), ("open", False), ("done", True), ("done", False), ("closed", False)]
        for one, (state, disputed) in zip(saying.work(harbor, 5), states, strict=True):
            RatingItem.objects.for_brand(harbor).create(brand=harbor, task=task, a=one, state=state, disputed=disputed)
        gold = saying.work(harbor)[0]
        RatingItem.objects.for_brand(harbor).create(brand=harbor, task=task, a=gold, is_gold=True, gold_answer="5")
        found = statistics(harbor)
        assert (found.queue.waiting, found.queue.done, found.queue.to_resolve) == (2, 2, 1)
        assert statistics(harbor, kind="creative").queue.waiting == 0


class TestAsDict:
    def test_it_is_plain_json_and_can_leave_people_out(self, harbor, raters):
        import json

        saying.many(harbor, raters, words=60)
        found = statistics(harbor).as_dict()
        assert json.loads(json.dumps(found)) == found
        assert found["total"] == sum(one["total"] for one in found["by_time"]) == sum(found["by_type"].values())
        assert found["total"] == sum(one["ratings"] for one in found["by_task"])
        assert {one["rater"] for one in found["by_rater"]} == {"ida", "tom", "priya"}
        assert statistics(harbor).as_dict(people=False)["by_rater"] is None

    def test_the_first_morning_has_figures_that_say_why_they_are_not_there(self, harbor):
        found = statistics(harbor).as_dict()
        assert found["total"] == 0
        assert found["agreement"]["alpha"]["value"] is None
        assert found["agreement"]["alpha"]["why"]
        assert len(found["by_time"]) == 1


class TestQueries:
    def test_their_number_does_not_grow_with_the_ratings(self, harbor, raters, django_assert_num_queries):
        since = timezone.now() - timedelta(weeks=12)
        for words in (20, 300):
            saying.many(harbor, raters, words=words)
            cache.clear()
            with django_assert_num_queries(10):
                statistics(harbor, since=since)
            with django_assert_num_queries(5):
                statistics(harbor, since=since)
        assert PreferencePair.objects.for_brand(harbor).exists()

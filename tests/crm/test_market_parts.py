"""The pieces of the market one by one: reading, curves, advice, world files."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.optimize import minimize

from crm.market.curves import best_split, extra_sales, gain, marginal_return
from crm.market.reading import Lexicon, read, stem
from crm.market.reports import advice
from crm.market.spec import FEATURES, WORLDS, Curve, WorldError, read_spec
from crm.market.world import World
from crm.online import USUAL, online_of, online_score
from crm.snapshot import CampaignSeries

LEXICON = Lexicon.of(
    {"margin": ["margin", "profit"], "health": ["fibre", "sugar", "protein"]},
    spam=["amazing", "hurry"],
    offer=["sample"],
    price=["price"],
)


def text(body: str, headline: str = "News") -> Any:
    return read(headline, body, LEXICON, ideal_words=20)


class TestReading:
    @pytest.mark.parametrize(("one", "other"), [("margins", "margin"), ("saving", "saves"), ("deliveries", "delivery")])
    def test_forms_of_a_word_share_a_stem(self, one: str, other: str) -> None:
        assert stem(one) == stem(other)

    def test_it_hears_the_need_that_is_spoken_to(self) -> None:
        need = text("The profit on it is good, and margins are rising.").need
        assert need[0] > 0.5
        assert need[1] == 0

    def test_naming_every_need_is_weaker_than_naming_one(self) -> None:
        focused, all_at_once = text("margin profit"), text("margin profit fibre sugar protein")
        assert all_at_once.need[0] < focused.need[0]

    def test_figures_count_once_each(self) -> None:
        assert text("34 % and 34 % and 34 %").figures == text("34 % only").figures
        assert text("34 % of 12 bags in 8 weeks").figures > text("34 % only").figures

    def test_shouting_and_pushing_are_spam(self) -> None:
        assert text("A calm text about oats.").spam == 0
        assert text("AMAZING!!! Hurry").spam > 0.6

    def test_a_greeting_counts_only_with_a_name(self) -> None:
        assert text("Dear Jo Marsh,\n\nhello").personal == 1
        assert text("Dear customer,\n\nhello").personal == 0

    def test_a_stated_need_is_understood_or_left_open(self) -> None:
        assert LEXICON.need_of("less sugar in breakfast") == 1
        assert LEXICON.need_of("something nice") is None
        assert LEXICON.need_of("") is None


CURVES = {
    "A": Curve(top=9000, half=700, shape=0.9, organic=0),
    "B": Curve(top=14000, half=3600, shape=0.95, organic=0),
    "C": Curve(top=1500, half=1200, shape=0.9, organic=0),
}


class TestCurves:
    def test_the_best_split_agrees_with_a_solver(self) -> None:
        total = 6000.0
        ours = best_split(CURVES, total)
        found = minimize(
            lambda x: -sum(extra_sales(curve, x[i]) for i, curve in enumerate(CURVES.values())),
            np.full(3, total / 3),
            bounds=[(1.0, total)] * 3,
            constraints={"type": "eq", "fun": lambda x: x.sum() - total},
        )
        assert sum(ours.values()) == pytest.approx(total)
        assert sum(extra_sales(CURVES[name], spend) for name, spend in ours.items()) == pytest.approx(
            -found.fun, rel=1e-4
        )

    def test_no_split_on_a_grid_beats_it(self) -> None:
        total, grid = 5000.0, np.arange(0, 5001, 250)
        ours = sum(extra_sales(CURVES[name], spend) for name, spend in best_split(CURVES, total).items())
        for a, b in itertools.product(grid, grid):
            if a + b <= total:
                split = dict(zip(CURVES, (a, b, total - a - b), strict=True))
                assert sum(extra_sales(CURVES[name], float(x)) for name, x in split.items()) <= ours * 1.0005

    def test_gain_is_0_today_and_1_at_the_best(self) -> None:
        now = {"A": 3000.0, "B": 1000.0, "C": 1000.0}
        assert gain(CURVES, now, now) == pytest.approx(0)
        assert gain(CURVES, now, best_split(CURVES, 5000.0)) == pytest.approx(1, abs=1e-6)
        assert gain(CURVES, now, {"A": 4500.0, "B": 0.0, "C": 500.0}) < 0

    def test_money_for_nobody_is_lost(self) -> None:
        now = {"A": 3000.0, "B": 1000.0, "C": 1000.0}
        assert gain(CURVES, now, {"made-up": 2000.0}) < 0

    def test_the_marginal_return_is_the_derivative(self) -> None:
        curve, x = CURVES["B"], 1400.0
        half, shape = curve.half**curve.shape, curve.shape
        exact = curve.top * shape * half * x ** (shape - 1) / (half + x**shape) ** 2
        assert marginal_return(curve, x) == pytest.approx(exact, rel=1e-4)


HAVE = [
    CampaignSeries("NM-01", "Northmart search", "Northmart", 1.0),
    CampaignSeries("NM-02", "Northmart search autumn", "Northmart", 1.0),
    CampaignSeries("BK-01", "Basketly display", "Basketly", 1.0),
]


class TestAdvice:
    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("Raise Northmart search by 15 % and cut Basketly display.", {"NM-01": 1, "BK-01": -1}),
            ("Move 400 a week from NM-02 to BK-01.", {"NM-02": -1, "BK-01": 1}),
            ("Put more into Northmart search autumn, less into Basketly display", {"NM-02": 1, "BK-01": -1}),
            ("Raise Northmart search from 3,600 to 4,200 EUR a week.", {"NM-01": 1}),
            ("Keep Basketly display. Cut NM-01.", {"NM-01": -1}),
            ("Northmart search returned 4.20. Basketly display did not.", {}),
            ("Raise everything.", {}),
        ],
    )
    def test_it_reads_direction_and_campaign(self, said: str, meant: dict[str, int]) -> None:
        assert advice(said, HAVE) == meant


class TestOnline:
    def test_the_usual_response_is_a_half(self) -> None:
        assert online_score(USUAL) == pytest.approx(0.5)
        assert online_score(0) == 0

    def test_the_best_thing_each_person_did_counts(self) -> None:
        rows = [("sent", None, {"count": 4}), ("opened", 1, {}), ("replied", 1, {}), ("opened", 2, {})]
        assert online_of(rows) == pytest.approx(online_score((0.6 + 0.1) / 4))

    def test_people_counted_together_are_not_counted_twice(self) -> None:
        rows = [("sent", None, {"count": 10}), ("opened", None, {"count": 3, "further": 1}), ("replied", 7, {})]
        assert online_of(rows) == pytest.approx(online_score((2 * 0.1 + 0.6) / 10))

    def test_nothing_is_missing_and_blocked_is_0(self) -> None:
        assert online_of([]) is None
        assert online_of([("blocked", None, {})]) == 0


@pytest.fixture
def raw() -> dict[str, Any]:
    return yaml.safe_load((WORLDS / "grocers.yaml").read_text(encoding="utf-8"))


def stored(tmp_path: Path, raw: dict[str, Any]) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return path


class TestWorldFiles:
    @pytest.mark.parametrize("path", sorted(WORLDS.glob("*.yaml")), ids=lambda path: path.stem)
    def test_every_shipped_file_loads_under_its_own_name(self, path: Path) -> None:
        assert read_spec(path.stem).name == path.stem

    def test_an_unseen_file_runs(self, tmp_path: Path, raw: dict[str, Any]) -> None:
        raw |= {"name": "mine", "seed": 99, "needs": {"calm": {"words": ["calm"]}}}
        for segment in (*raw["segments"].values(), raw["otherwise"], raw["shoppers"]):
            segment["needs"] = {"calm": 1}
        assert World.load(stored(tmp_path, raw)).spec.seed == 99

    def test_an_unknown_key_is_refused_by_name_and_value(self, tmp_path: Path, raw: dict[str, Any]) -> None:
        raw["emails"]["replied"]["effects"]["charm"] = 3
        raw["media"]["adstock"] = 0.5
        with pytest.raises(WorldError) as caught:
            read_spec(stored(tmp_path, raw))
        assert "emails.replied.effects.charm" in caught.value.message
        assert "media.adstock: unknown key (value 0.5)" in caught.value.message

    def test_a_missing_key_is_named(self, tmp_path: Path, raw: dict[str, Any]) -> None:
        del raw["emails"]["reach"]
        del raw["tasks"]["budget"]
        with pytest.raises(WorldError) as caught:
            read_spec(stored(tmp_path, raw))
        assert "emails.reach: missing" in caught.value.message
        assert "no entry for budget" in caught.value.message

    def test_a_bad_value_is_shown(self, tmp_path: Path, raw: dict[str, Any]) -> None:
        raw["emails"]["opened"]["base"] = 1.7
        with pytest.raises(WorldError, match=r"emails\.opened\.base.*1\.7"):
            read_spec(stored(tmp_path, raw))

    def test_a_segment_with_a_need_nobody_defined_is_refused(self, tmp_path: Path, raw: dict[str, Any]) -> None:
        changed = copy.deepcopy(raw)
        changed["shoppers"]["needs"] = {"glamour": 1}
        with pytest.raises(WorldError, match="glamour"):
            read_spec(stored(tmp_path, changed))

    @pytest.mark.parametrize("content", ["- a\n- b\n", "name: [unclosed"])
    def test_a_file_that_is_no_world_is_refused(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "broken.yaml"
        path.write_text(content)
        with pytest.raises(WorldError, match=r"broken\.yaml"):
            read_spec(path)

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(WorldError, match=r"no world atlantis.*grocers"):
            read_spec("atlantis")

    def test_effects_are_the_documented_features(self) -> None:
        documented = (Path(__file__).resolve().parents[2] / "docs" / "market.md").read_text(encoding="utf-8")
        assert all(f"`{feature}`" in documented for feature in FEATURES)

"""What a judge's scores say beside people: points where the figures are, the finding as they say it."""

from __future__ import annotations

import pytest

from crm.charts.words import MINUS
from rlhf.charts.calibrated import PHONE, WIDE, Bin, calibrated
from tests.crm.test_charts import both, classed, parsed, path_points

STRICT = [Bin(0.25, 0.4, 0.2, 0.64, 15), Bin(0.5, 0.75, 0.55, 0.88, 20), Bin(0.75, 1.0, 0.7, 1.0, 10)]


def dots(root):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in classed(root, "end")]


class TestCalibrated:
    def test_a_bin_stands_over_the_judges_score_at_the_height_of_peoples(self):
        for root, frame in zip(both(calibrated(STRICT, judge="claude")), (WIDE, PHONE), strict=True):
            across, up = frame.right - frame.left, frame.bottom - frame.top
            for (x, y), one in zip(dots(root), STRICT, strict=True):
                assert x == pytest.approx(frame.left + one.judge * across, abs=0.06)
                assert y == pytest.approx(frame.bottom - one.liked * up, abs=0.06)

    def test_the_diagonal_is_where_both_say_the_same(self):
        same = [Bin(share, share, share, share, 5) for share in (0.0, 0.3, 1.0)]
        for root in both(calibrated(same, judge="claude")):
            (x0, y0), (x1, y1) = path_points(classed(root, "goal")[0])
            for x, y in dots(root):
                assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=0.002)

    def test_every_interval_holds_its_point_and_none_is_drawn_where_there_is_none(self):
        for root in both(calibrated([*STRICT, Bin(0.9, 0.9, None, None, 1)], judge="claude")):
            reaches = classed(root, "reach")
            assert (len(reaches), len(dots(root))) == (3, 4)
            for reach, (x, y) in zip(reaches, dots(root), strict=False):
                start, end = (reach.get("d") or "").removeprefix(f"M{x:g} ").split("V")
                assert float(end) <= y <= float(start)

    @pytest.mark.parametrize(
        ("bins", "finding"),
        [
            (STRICT, "claude is stricter than people over 45 items: 0.22 lower on average, off by 0.22 either way."),
            ([Bin(0.2, 0.5, 0, 1, 10), Bin(0.8, 0.5, 0, 1, 10)], "claude is about as kind as people over 20 items"),
            ([Bin(0.9, 0.5, 0.3, 0.7, 10)], "claude is kinder than people over 10 items"),
            ([Bin(0.5, 0.52, 0.3, 0.7, 10)], "claude is about as kind as people over 10 items"),
            ([], "How far claude agrees with people is not known yet."),
        ],
    )
    def test_the_finding_says_what_the_figures_say(self, bins, finding):
        drawing = calibrated(bins, judge="claude")
        assert drawing.finding.startswith(finding)
        for root in both(drawing):
            assert (root.get("aria-label"), root.get("role")) == (drawing.finding, "img")

    def test_the_table_has_what_is_drawn(self):
        table = calibrated(STRICT, judge="claude").table
        assert [column.name for column in table.columns][:2] == ["Judge's score", "Liked by people"]
        assert table.rows[0][:2] == ["0.25", "0.40"] and table.rows[0][3] == "15"
        assert all(MINUS not in cell for row in table.rows for cell in row)

    def test_a_name_cannot_break_the_drawing(self):
        root = parsed(calibrated(STRICT, judge='<b>"x"').wide)
        assert (root.get("aria-label") or "").startswith('<b>"x"')

"""From triples to the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlhf.agreement import rating_table, wilson_share


class TestRatingTable:
    def test_it_places_each_rating(self) -> None:
        found = rating_table(["b", "a", "b"], [7, 3, 3], [5, 4, 1])
        assert (list(found.items), list(found.raters)) == (["a", "b"], [3, 7])
        assert np.array_equal(found.matrix, [[4, np.nan], [1, 5]], equal_nan=True)

    def test_words_become_their_place_among_the_classes(self) -> None:
        found = rating_table([1, 2], [1, 1], ["good", "bad"], classes=["bad", "fair", "good"])
        assert found.matrix.tolist() == [[2.0], [0.0]]

    def test_nothing_is_an_empty_matrix(self) -> None:
        assert rating_table([], [], []).matrix.shape == (0, 0)

    @pytest.mark.parametrize(
        ("given", "classes", "problem"),
        [
            (([1], [1, 2], [3]), None, "1 items, 2 raters and 1 values"),
            (([1, 1], [2, 2], [3, 4]), None, "twice"),
            (([1], [1], ["so so"]), ["bad", "good"], "'so so'"),
        ],
    )
    def test_it_refuses_what_is_no_table(self, given: Any, classes: Any, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            rating_table(*given, classes=classes)


class TestWilsonShare:
    def test_it_refuses_more_successes_than_tries(self) -> None:
        with pytest.raises(ValueError, match="successes"):
            wilson_share(5, 4)

    def test_it_refuses_a_level_in_percent(self) -> None:
        with pytest.raises(ValueError, match="level"):
            wilson_share(1, 2, level=95)

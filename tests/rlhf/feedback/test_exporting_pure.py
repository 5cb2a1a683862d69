"""Splits and decisions: arithmetic that needs no database."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.feedback.deciding import decide, liked, put_right
from rlhf.feedback.splits import SHARES, SPLITS, split_of


class TestSplit:
    @given(st.text())
    def test_a_request_stays_where_it_is(self, key: str):
        assert split_of(key) == split_of(key)
        assert split_of(key) in SPLITS

    def test_it_is_the_hash_that_decides(self):
        """The rule of the docstring, by whole numbers instead of fractions."""
        for number in range(500):
            head = int(hashlib.sha256(str(number).encode()).hexdigest()[:16], 16)
            twentieths = head * 20 // 2**64
            wanted = "train" if twentieths < 18 else "validation" if twentieths < 19 else "test"
            assert split_of(str(number)) == wanted

    def test_the_shares_are_as_documented(self):
        found = Counter(split_of(f"request {number}") for number in range(20_000))
        for name, share in SHARES:
            assert found[name] / 20_000 == pytest.approx(share, abs=0.01)


class TestDecide:
    @pytest.mark.parametrize(
        ("votes", "answer", "agreement"),
        [
            (["a"], "a", 1.0),
            (["a", "a", "b"], "a", 2 / 3),
            (["a", "b"], None, 0.5),
            (["a", "a", "b", "tie"], "a", 0.5),
            (["a", "a", "b", "b", "tie"], None, 0.4),
            (["tie", "tie", "a"], "tie", 2 / 3),
        ],
    )
    def test_the_majority_answers(self, votes: list[str], answer: str | None, agreement: float):
        found = decide(votes)
        assert (found.answer, found.agreement) == (answer, pytest.approx(agreement))

    @given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30), st.randoms())
    def test_the_order_of_people_does_not_matter(self, votes: list[str], rng):
        mixed = votes[:]
        rng.shuffle(mixed)
        first, second = decide(votes), decide(mixed)
        assert (first.answer, first.agreement) == (second.answer, second.agreement)
        assert 1 / len(votes) <= first.agreement <= 1
        if first.answer is not None:
            assert all(votes.count(first.answer) > votes.count(other) for other in set(votes) - {first.answer})


class TestLiked:
    @pytest.mark.parametrize(
        ("stars", "thumb", "found"),
        [
            (5, None, True),
            (4, False, True),
            (3, True, None),
            (2, True, False),
            (1, None, False),
            (None, True, True),
            (None, False, False),
            (None, None, None),
        ],
    )
    def test_stars_come_before_a_thumb(self, stars: int | None, thumb: bool | None, found: bool | None):
        assert liked(stars, thumb) is found


class TestPutRight:
    TEXT = "Dear Ida,\n\nthe bar is nice.\n\nJo"

    def test_a_part_is_put_back_in_its_place(self):
        assert put_right(self.TEXT, "the bar is nice.", "The bar has 11 g of protein.") == (
            "Dear Ida,\n\nThe bar has 11 g of protein.\n\nJo"
        )

    @pytest.mark.parametrize("original", ["", "Dear Ida,\n\nthe bar is nice.\n\nJo", "something else"])
    def test_else_the_correction_is_the_whole(self, original: str):
        assert put_right(self.TEXT, original, " Dear Ida, buy it. ") == "Dear Ida, buy it."

    def test_a_part_that_stands_there_twice_is_not_guessed(self):
        assert put_right("no no", "no", "yes") == "yes"

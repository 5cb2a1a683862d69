"""Sizes become base units, whatever way they are written; names compare through abbreviations."""

from __future__ import annotations

import pytest

from crm.products.matching import Ours, Shelf, Theirs
from crm.products.sizes import Fit, compare, parse_size, without_size
from crm.products.wording import Weights, overlap, words_of


class TestParseSize:
    @pytest.mark.parametrize(
        ("text", "total", "unit", "packs"),
        [
            ("5KG", 5000, "g", 1), ("5 kg", 5000, "g", 1), ("5000 g", 5000, "g", 1), ("6x27g", 162, "g", 6),
            ("6 × 27 g", 162, "g", 6), ("27g x 6", 162, "g", 6), ("33 cl", 330, "ml", 1), ("1,5 L", 1500, "ml", 1),
            ("8 fl oz", 236.588236, "ml", 1), ("16-OZ", 453.59237, "g", 1), ("46,7 g", 46.7, "g", 1),
            ("4pk 330ml", 1320, "ml", 4), ("pack of 4", 4, "pieces", 1), ("60 capsules", 60, "pieces", 1),
            ("HARBOR OAT RLLD 5KG SCK", 5000, "g", 1), ("100gr", 100, "g", 1), ("1.008 kg / 12 pain", 1008, "g", 1),
        ],
    )  # fmt: skip
    def test_it_reads_what_packages_say(self, text, total, unit, packs):
        size = parse_size(text)
        assert size is not None
        assert size.total == pytest.approx(total)
        assert (size.unit, size.packs) == (unit, packs)

    @pytest.mark.parametrize("text", ["", "2.5", "Harbor Crunch Clusters", "Vrac", "0 g", "Omega 3", "B12 gold"])
    def test_a_bare_number_says_nothing(self, text):
        assert parse_size(text) is None

    def test_the_words_stay_when_the_size_goes(self):
        assert without_size("HARBOR OAT RLLD 5KG SCK") == "HARBOR OAT RLLD SCK"


class TestCompare:
    @pytest.mark.parametrize(
        ("theirs", "ours", "fit"),
        [
            ("5KG", "5000 g", Fit.SAME), ("1 lb", "454 g", Fit.SAME), ("500 g", "510 g", Fit.CLOSE),
            ("500 g", "1 kg", Fit.APART), ("6x27g", "162 g", Fit.CLOSE), ("330ml", "4 x 330 ml", Fit.APART),
            ("12 oz", "355 ml", Fit.SAME), ("500 g", "500 ml", Fit.APART), ("500 g", "", Fit.UNKNOWN),
        ],
    )  # fmt: skip
    def test_it_says_same_close_or_apart(self, theirs, ours, fit):
        assert compare(parse_size(theirs), parse_size(ours))[0] == fit
        assert compare(parse_size(ours), parse_size(theirs))[0] == fit


class TestWords:
    def test_abbreviations_stand_for_the_words(self):
        weights = Weights([words_of("harbor rolled oats sack"), words_of("harbor porridge pot")])
        short = overlap(words_of("HRBR RLLD OAT SCK"), words_of("Harbor rolled oats sack"), weights)
        other = overlap(words_of("HRBR RLLD OAT SCK"), words_of("Harbor porridge pot"), weights)
        assert short.score > 0.8 > 0.5 > other.score

    def test_accents_and_sizes_do_not_matter(self):
        assert words_of("Crème Brûlée 100 g") == ("creme", "brulee")


class TestPropose:
    shelf = Shelf(
        [
            Ours("rolled5", "HO-ROLLED-5KG", "Rolled oats sack", "Harbor", "5 kg", "04006381333931", 11.80),
            Ours("rolled1", "HO-ROLLED-1KG", "Rolled oats", "Harbor", "1 kg", "04006381333948", 3.10),
            Ours("pot", "HO-POT", "Porridge pot, golden syrup", "Harbor", "55 g"),
            Ours("barista", "HO-BARISTA", "Oat drink barista", "Harbor", "1 l"),
            Ours("kids", "HO-KIDS", "Kids oat bars apple", "Harbor Oats", "6 x 27 g"),
        ]
    )

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("HARBOR OAT RLLD 5KG SCK", "rolled5"), ("HARBOR OAT RLLD 1KG", "rolled1"),
            ("HARBOR PORR POT GLD SYR 55G", "pot"), ("HRBR OATDRK BARISTA 1L", "barista"),
            ("HO Kids Oats Apple 6x27g", "kids"),
        ],
    )  # fmt: skip
    def test_it_finds_the_product_of_the_picture(self, name, key):
        found = self.shelf.propose(Theirs("VF-1", name))
        assert found is not None and found.ours.key == key
        assert 0 < found.confidence < 1

    def test_the_evidence_says_what_was_compared(self):
        found = self.shelf.propose(Theirs("VF-1", "HARBOR OAT RLLD 5KG SCK", digits="81333931", price=11.90))
        assert found is not None
        rows = {row.compared: row for row in found.evidence}
        assert rows["Bar code, last 8"].fits == rows["Size"].fits == "same"
        assert (rows["Words"].fits, rows["Shelf price"].note) == ("close", "0.10 apart")

    def test_another_size_lowers_the_confidence(self):
        right = self.shelf.propose(Theirs("1", "Harbor porridge pot golden syrup 55 g"))
        wrong = self.shelf.propose(Theirs("1", "Harbor porridge pot golden syrup 550 g"))
        assert right is not None and wrong is not None
        assert right.confidence > wrong.confidence

    def test_what_is_like_nothing_gets_no_proposal(self):
        assert self.shelf.propose(Theirs("1", "Zzyzx")) is None
        assert self.shelf.propose(Theirs("1")) is None

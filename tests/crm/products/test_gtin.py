"""Bar codes: every standard form becomes one GTIN-14; a ruined one is repaired or refused, never guessed."""

from __future__ import annotations

import pytest
from biip.gtin import Gtin
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import ean

from crm.products.gtin import Catalogue, Done, check_digit, holds, normalise, restricted

OATS, UPC, CASE, SHORT = "04006381333931", "00042100005264", "10042100005261", "00000096385074"
SHELF = Catalogue([OATS, UPC, CASE, SHORT])


def codes(digits: int) -> st.SearchStrategy[str]:
    """Valid codes of so many digits that mean something everywhere, without a zero in front."""
    bodies = st.integers(10 ** (digits - 2), 10 ** (digits - 1) - 1).map(str)
    return bodies.map(lambda body: body + str(check_digit(body))).filter(lambda code: not restricted(code.zfill(14)))


class TestStandardForms:
    @pytest.mark.parametrize(
        ("text", "gtin", "kind"),
        [
            ("4006381333931", OATS, "EAN-13"),
            ("042100005264", UPC, "UPC-A"),
            ("04252614", UPC, "UPC-E"),
            ("96385074", SHORT, "EAN-8"),
            ("10042100005261", CASE, "GTIN-14"),
            (" 4006381333931 ", OATS, "EAN-13"),
            ('="4006381333931"', OATS, "EAN-13"),
            ("'042100005264", UPC, "UPC-A"),
            ("0-42100-00526-4", UPC, "UPC-A"),
            ("4 006381 333931", OATS, "EAN-13"),
            ("(01)04006381333931", OATS, "GTIN-14"),
            (4006381333931, OATS, "EAN-13"),
        ],
    )
    def test_they_need_no_catalogue(self, text, gtin, kind):
        found = normalise(text)
        assert (found.gtin, found.kind) == (gtin, kind)
        assert found.done in (Done.AS_GIVEN, Done.NORMALISED)
        assert found.known is None

    def test_fourteen_digits_stay_as_they_were_given(self):
        assert normalise(OATS).done is Done.AS_GIVEN
        assert normalise(OATS).steps == ()

    @given(codes(13))
    def test_the_check_digit_is_that_of_other_libraries(self, code):
        assert ean.is_valid(code)
        assert Gtin.parse(code).as_gtin_14() == normalise(code).gtin

    @pytest.mark.parametrize("number", range(7919, 1_000_000, 7919))
    def test_upc_e_is_written_out_by_the_rules_of_the_standard(self, number):
        """By hand from the table of GS1 5.2.1: the last digit says where the zeros go."""
        x = f"{number:06d}"
        middle = {"0": x[:2] + "00000" + x[2:5], "1": x[:2] + "10000" + x[2:5], "2": x[:2] + "20000" + x[2:5],
                  "3": x[:3] + "00000" + x[3:5], "4": x[:4] + "00000" + x[4]}  # fmt: skip
        payload = "0" + middle.get(x[5], x[:5] + "0000" + x[5])
        last = str(check_digit(payload))
        found = normalise("0" + x + last, Catalogue(["00" + payload + last]))
        assert found.gtin == "00" + payload + last

    def test_a_number_of_one_shop_says_so(self):
        assert normalise("200003009646").restricted
        assert not normalise("4006381333931").restricted

    @given(st.sampled_from(["020", "029", "040", "049", "200", "299", "981", "990", "999"]))
    def test_restricted_prefixes_are_those_biip_knows(self, prefix):
        body = prefix + "123456789"
        parsed = Gtin.parse(body + str(check_digit(body)))
        assert parsed.prefix is not None
        assert any(word in parsed.prefix.usage.lower() for word in ("restricted", "coupon", "reserved", "refund"))
        assert restricted("0" + body + str(check_digit(body)))


class TestRepair:
    @pytest.mark.parametrize(
        ("text", "gtin", "step"),
        [
            ("4006381333931.0", OATS, "decimals taken off"),
            ("4006381333931,00", OATS, "decimals taken off"),
            ("4,006,381,333,931", OATS, "thousands separators taken out"),
            ("4.006.381.333.931", OATS, "thousands separators taken out"),
            ("4 006 381 333 931", OATS, "thousands separators taken out"),
            ("4'006'381'333'931", OATS, "thousands separators taken out"),
            ("4.006381333931E+12", OATS, "read from scientific notation, all digits were there"),
            ("4,006381333931e12", OATS, "read from scientific notation, all digits were there"),
            ("42100005264", UPC, "zeros in front put back"),
            ("42,100,005,264.00", UPC, "zeros in front put back"),
            ("00000004006381333931", OATS, "surplus zeros in front taken off"),
            ("400638133393", OATS, "check digit put back"),
            ("4210000526", UPC, "check digit put back"),
            ("04210000526", UPC, "check digit put back"),
        ],
    )
    def test_it_needs_the_catalogue_and_says_what_was_done(self, text, gtin, step):
        found = normalise(text, SHELF)
        assert (found.done, found.gtin) == (Done.REPAIRED, gtin)
        assert step in found.steps
        assert found.known
        for catalogue in (None, Catalogue([]), Catalogue([OATS.replace("9", "1")])):
            refused = normalise(text, catalogue)
            assert (refused.done, refused.gtin) == (Done.REFUSED, "")
            assert refused.reason

    @pytest.mark.parametrize("text", ["4.00638E+12", "4,01E+12", "4E+12", "4.00638133393E+12", "4.21E10"])
    def test_digits_that_are_gone_are_never_filled_in(self, text):
        found = normalise(text, SHELF)
        assert found.done is Done.REFUSED
        assert "scientific notation" in found.reason
        assert set(found.could_be) <= {OATS, UPC}
        assert found.could_be

    def test_a_code_that_could_be_two_products_is_refused_and_names_both(self):
        payload = "40063813339" + str(check_digit("40063813339"))  # a valid UPC-A, and the payload of an EAN-13
        both = Catalogue(["00" + payload, "0" + payload + str(check_digit(payload))])
        found = normalise(payload, both)
        assert found.done is Done.REFUSED
        assert set(found.could_be) == {"00" + payload, "0" + payload + str(check_digit(payload))}

    def test_a_whole_valid_code_is_not_taken_for_a_cut_one(self):
        payload = "40063813339" + str(check_digit("40063813339"))
        found = normalise(payload, Catalogue(["0" + payload + str(check_digit(payload))]))
        assert found.done is Done.REFUSED

    def test_a_wrong_check_digit_is_said_and_the_product_next_to_it_named(self):
        found = normalise("4006381333932", SHELF)
        assert found.reason == "has a wrong check digit: the last digit should be 1, not 2"
        assert found.could_be[0] == OATS

    @pytest.mark.parametrize("text", ["4252614", "425261", "9638507", "9638"])
    def test_short_numbers_are_too_much_like_item_numbers(self, text):
        assert normalise(text, SHELF).done is Done.REFUSED

    def test_a_shared_code_settles_nothing(self):
        assert normalise("42100005264", Catalogue([UPC, UPC])).done is Done.REFUSED

    @pytest.mark.parametrize("text", ["", None, "0", "0000000000000", "abc", "2361560*****", "1.5", "-4006381333931x",
                                      "123456789012345678", "4.006381333931E+2", "4E+99", "٤٠٠٦٣٨١٣٣٣٩٣١"])  # fmt: skip
    def test_what_is_no_code_is_refused_with_a_reason(self, text):
        found = normalise(text, SHELF)
        assert (found.done, bool(found)) == (Done.REFUSED, False)
        assert found.reason
        assert found.told()


RUINS = {
    "as it is": lambda code: code,
    "zeros lost": lambda code: code.lstrip("0"),
    "decimals": lambda code: f"{int(code)}.0",
    "thousands": lambda code: f"{int(code):,}",
    "science": lambda code: f"{int(code):.5E}",
    "science, all digits": lambda code: f"{int(code)}E0" if len(code) == 1 else f"{float(int(code)):.13E}",
    "cut": lambda code: code[:-1],
    "cut, zeros lost": lambda code: code[:-1].lstrip("0"),
    "quoted": lambda code: f'="{code}"',
}


class TestNoFalseRepair:
    def test_a_cut_code_that_holds_by_chance_does_not_become_a_neighbour(self):
        """9999999999 holds as it stands, and is what is left of 99999999999x: digits that repeat look alike."""
        found = normalise("9999999999", Catalogue(["00009999999999"]))
        assert found.done is Done.REFUSED

    @given(code=codes(13) | codes(12) | codes(11), ruin=st.sampled_from(sorted(RUINS)))
    @settings(max_examples=600, deadline=None)
    def test_a_product_outside_the_catalogue_is_never_taken_for_a_neighbour(self, code, ruin):
        """The catalogue holds only codes that differ in the last two digits or in one digit, all of them valid."""
        truth = code.zfill(14)
        tail = {truth[:12] + f"{number:02d}" for number in range(100)}
        payloads = {truth[:at] + digit + truth[at + 1 : 13] for at in range(1, 13) for digit in "0123456789"}
        near = {one for one in tail if holds(one)} | {one + str(check_digit(one)) for one in payloads}
        text = RUINS[ruin](code)
        found = normalise(text, Catalogue(near - {truth}))
        assert found.done is not Done.REPAIRED
        assert (
            not found or not found.known or (len(text) in (8, 12, 13, 14) and holds(text))
        )  # whole and valid as it is

    @given(code=codes(13) | codes(12), ruin=st.sampled_from(sorted(RUINS)))
    @settings(max_examples=300, deadline=None)
    def test_what_is_repaired_is_the_product(self, code, ruin):
        assume(len(set(code)) > 4)  # digits that repeat look like their own cut form, and are refused
        truth = code.zfill(14)
        found = normalise(RUINS[ruin](code), Catalogue([truth]))
        assert found.gtin in ("", truth) or found.known is False
        if ruin in ("zeros lost", "decimals", "thousands", "as it is", "quoted", "science, all digits"):
            assert found.gtin == truth

    @given(st.text(max_size=30) | st.integers() | st.floats() | st.none())
    @settings(max_examples=300)
    def test_it_never_raises(self, anything):
        found = normalise(anything, SHELF)
        assert bool(found.gtin) == (found.done is not Done.REFUSED)
        assert found.gtin == "" or (len(found.gtin) == 14 and holds(found.gtin))

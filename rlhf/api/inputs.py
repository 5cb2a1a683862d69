"""What goes in: checked strictly, so that a mistyped field is an error and not a lost rating."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.inputs import Strict, WholeNumber
from rlhf.feedback.giving import LONGEST_COMMENT, LONGEST_REASON, LONGEST_TEXT, MOST_REASONS, ORDERS
from rlhf.models import PreferencePair

MOST_WIDGETS = 200
LONGEST_SEED = 2**53 - 1
MOST_MS = 2**31 - 1


class TrueFalse(serializers.BooleanField):
    """A JSON true or false: not "yes", 1 or "on"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(WholeNumber):
    """A JSON whole number; 24.0 is one, as JSON Schema has it."""

    def to_internal_value(self, data: Any) -> int:
        return super().to_internal_value(int(data) if isinstance(data, float) and data.is_integer() else data)


class Between(serializers.FloatField):
    """A JSON number in [0, 1]."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data:
            self.fail("invalid")
        return float(data)


class Text(serializers.CharField):
    """JSON text, kept as it was written."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_COMMENT)
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Texts(serializers.ListField):
    """A list of short texts."""

    def __init__(self, *, most: int, longest: int, **kwargs: Any) -> None:
        super().__init__(child=Text(max_length=longest), max_length=most, **kwargs)


class SaidInput(Strict):
    """What every word may carry."""

    reasons = Texts(most=MOST_REASONS, longest=LONGEST_REASON, required=False)
    comment = Text(required=False)
    duration_ms = Whole(min_value=0, max_value=MOST_MS, required=False, help_text="From shown to said")


class FeedbackInput(SaidInput):
    """One word on one experience: exactly one of thumb, stars, corrected and flag."""

    experience = serializers.UUIDField()
    thumb = TrueFalse(required=False, help_text="true: up, false: down")
    stars = Whole(min_value=1, max_value=5, required=False)
    corrected = Text(max_length=LONGEST_TEXT, required=False, help_text="Your version of the text")
    original = Text(max_length=LONGEST_TEXT, required=False, help_text="The text that `corrected` replaces")
    flag = TrueFalse(required=False, help_text="true: somebody should look at this")
    widget = Whole(
        min_value=0, max_value=MOST_WIDGETS - 1, required=False, help_text="Index of the widget that is meant"
    )


class WidgetFeedbackInput(Strict):
    """What somebody thinks of one widget."""

    widget_index = Whole(min_value=0, max_value=MOST_WIDGETS - 1)
    widget_type = Text(max_length=40, required=False)
    appropriateness_score = Between(required=False, allow_null=True)
    size_appropriate = TrueFalse(required=False, allow_null=True)
    issues = Texts(most=20, longest=LONGEST_COMMENT, required=False)
    strengths = Texts(most=20, longest=LONGEST_COMMENT, required=False)


class RichFeedbackInput(SaidInput):
    """A thumb or stars, and the six fields of an evaluation. All are optional, one is needed."""

    experience = serializers.UUIDField()
    thumb = TrueFalse(required=False, help_text="true: up, false: down")
    stars = Whole(min_value=1, max_value=5, required=False)
    evaluation_confidence = Between(required=False, allow_null=True)
    evaluation_reasoning = Text(required=False)
    query_understanding = Text(required=False)
    per_widget_feedback = serializers.ListField(child=WidgetFeedbackInput(), required=False, max_length=50)
    missing_widgets = Texts(most=20, longest=LONGEST_COMMENT, required=False)
    suggested_improvements = Texts(most=20, longest=LONGEST_COMMENT, required=False)


class ChosenInput(SaidInput):
    """A choice between two experiences."""

    a = serializers.UUIDField()
    b = serializers.UUIDField()
    verdict = serializers.ChoiceField(choices=PreferencePair.Verdict.choices)
    shown_order = serializers.ChoiceField(
        choices=ORDERS, required=False, help_text="ab: a stood left; ba: b did. ab when left out"
    )
    seed = Whole(min_value=0, max_value=LONGEST_SEED, required=False, help_text="Of the draw that chose the order")


class TextsInput(SaidInput):
    """A choice between two texts that Endcap does not know yet: both become experiences."""

    prompt = Text(max_length=LONGEST_TEXT)
    chosen = Text(max_length=LONGEST_TEXT)
    rejected = Text(max_length=LONGEST_TEXT)
    kind = serializers.CharField(max_length=20, required=False, help_text="Kind of experience; `text` when left out")

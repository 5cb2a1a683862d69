"""The form of a rating task: what is asked, of how many, how it is checked, and the guide beside it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from rlhf.feedback.asking import WORDS
from rlhf.feedback.statistics.asked import KINDS
from rlhf.models import RatingTask

MOST_REASONS, LONGEST_REASON, MOST_STEPS = 12, 120, 6


class TaskForm(forms.Form):
    """Shares are in percent, lists one a line. Kind and way of asking are chosen once, when the task is made."""

    name = forms.CharField(max_length=120, error_messages={"required": "Give it a name."})
    kind = forms.ChoiceField(choices=list(KINDS.items()), label="Kind of work")
    asks = forms.ChoiceField(choices=RatingTask.Asks.choices, label="Shown")
    question = forms.CharField(max_length=200, error_messages={"required": "Write the question that people answer."})
    reasons = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 5}),
        help_text=f"One a line, up to {MOST_REASONS}. They can be picked after a rating.",
    )  # fmt: skip
    overlap = forms.IntegerField(min_value=1, max_value=20, label="People per item")
    gold_share = forms.FloatField(
        min_value=0, max_value=50, label="Items with a known answer, %",
        help_text="They show who reads the guide as you do. 3 to 5 is usual.",
    )  # fmt: skip
    repeat_share = forms.FloatField(
        min_value=0, max_value=50, label="Items seen twice, %", help_text="They show who is consistent."
    )
    lock_minutes = forms.IntegerField(
        min_value=1, max_value=240, label="Minutes to answer", help_text="After that the item goes to somebody else."
    )
    is_open = forms.BooleanField(required=False, label="Open: people can rate")
    lead = forms.CharField(max_length=300, required=False, label="The guide in one sentence")
    steps = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"One a line, up to {MOST_STEPS}. Its first sentence stands in bold.",
    )  # fmt: skip
    good_text = forms.CharField(max_length=600, required=False, label="A good example")
    good_why = forms.CharField(max_length=200, required=False, label="Why it is good")
    poor_text = forms.CharField(max_length=600, required=False, label="A poor example")
    poor_why = forms.CharField(max_length=200, required=False, label="Why it is poor")
    unsure = forms.CharField(max_length=300, required=False, label="For those who are not sure")

    def __init__(self, data: QueryDict | None = None, *, task: RatingTask | None = None) -> None:
        super().__init__(data, initial=_initial(task))
        if task is not None:
            del self.fields["kind"], self.fields["asks"]
        for name, field in self.fields.items():
            if data is not None and name in self.errors:
                field.widget.attrs.update({"aria-invalid": "true", "aria-describedby": f"id_{name}_error"})

    def clean_reasons(self) -> list[str]:
        lines = _lines(self.cleaned_data["reasons"])
        if len(lines) > MOST_REASONS:
            raise forms.ValidationError(f"These are {len(lines)}. At most {MOST_REASONS} fit.")
        long = next((line for line in lines if len(line) > LONGEST_REASON), None)
        if long is not None:
            raise forms.ValidationError(f"“{long[:30]}…” is too long. {LONGEST_REASON} characters fit.")
        return lines

    def clean_steps(self) -> list[dict[str, str]]:
        lines = _lines(self.cleaned_data["steps"])
        if len(lines) > MOST_STEPS:
            raise forms.ValidationError(f"These are {len(lines)}. At most {MOST_STEPS} fit.")
        return [_step(line) for line in lines]

    def values(self) -> dict[str, Any]:
        """What the service writes."""
        given = self.cleaned_data
        guide = {
            "lead": given["lead"],
            "steps": given["steps"],
            "good": _example(given["good_text"], given["good_why"]),
            "poor": _example(given["poor_text"], given["poor_why"]),
            "unsure": given["unsure"],
        }
        return {
            **{name: given[name] for name in ("name", "question", "reasons", "overlap", "lock_minutes", "is_open")},
            "gold_share": round(given["gold_share"] / 100, 6),
            "repeat_share": round(given["repeat_share"] / 100, 6),
            "guideline": {name: guide[name] for name in WORDS if guide[name]},
        }


def _initial(task: RatingTask | None) -> dict[str, Any]:
    row = task or RatingTask()
    guide = row.guideline
    good, poor = guide.get("good", {}), guide.get("poor", {})
    return {
        **{name: getattr(row, name) for name in ("name", "question", "overlap", "lock_minutes", "is_open")},
        "reasons": "\n".join(row.reasons),
        "gold_share": round(row.gold_share * 100, 4),
        "repeat_share": round(row.repeat_share * 100, 4),
        "lead": guide.get("lead", ""),
        "steps": "\n".join(f"{one.get('title', '')} {one.get('text', '')}".strip() for one in guide.get("steps", [])),
        "good_text": good.get("text", ""),
        "good_why": good.get("why", ""),
        "poor_text": poor.get("text", ""),
        "poor_why": poor.get("why", ""),
        "unsure": guide.get("unsure", ""),
    }


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _step(line: str) -> dict[str, str]:
    title, stop, text = line.partition(". ")
    return {"title": f"{title}." if stop else title, "text": text.strip()}


def _example(text: str, why: str) -> dict[str, str]:
    return {"text": text, "why": why} if text else {}

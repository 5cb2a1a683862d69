"""The form that builds a question: it becomes the JSON of the query language, and errors of that come back here."""

from __future__ import annotations

from typing import Any

from django import forms

from crm.cleanroom.errors import BadQuery
from crm.cleanroom.vocabulary import DIMENSIONS, FILTERS, METRICS, RATES
from crm.models import AudienceSegment, Brand, CleanRoom

KINDS = (("aggregate", "Figures of groups"), ("overlap", "Overlap of segments"))
EXACTNESS = (("0.10", "Rough, 0.1"), ("0.50", "Fair, 0.5"), ("1.00", "Good, 1"), ("2.00", "Exact, 2"))
TESTS = (("in", "is"), ("not_in", "is not"))
COMPARE = (("", "any"), ("at_least", "at least"), ("at_most", "at most"), ("above", "above"), ("below", "below"))
#: Where an error of the query language belongs in the form.
BELONGS = {"metrics": "metrics", "by": "by", "where": "field", "segments": "segments", "from": "from", "to": "to"}


class QuestionForm(forms.Form):
    """A question, by GET: looking at what it would cost changes nothing."""

    room = forms.ChoiceField(label="Room")
    kind = forms.ChoiceField(label="Ask for", choices=KINDS, widget=forms.RadioSelect)
    metrics = forms.MultipleChoiceField(
        label="Figures", required=False, widget=forms.CheckboxSelectMultiple,
        choices=[*((name, one.title) for name, one in METRICS.items()), *((n, one.title) for n, one in RATES.items())],
    )  # fmt: skip
    by = forms.ChoiceField(label="Split by", required=False)
    also_by = forms.ChoiceField(label="And by", required=False)
    segments = forms.MultipleChoiceField(label="Segments", required=False, widget=forms.CheckboxSelectMultiple)
    field = forms.ChoiceField(label="Only where", required=False)
    test = forms.ChoiceField(label="Test", required=False, choices=TESTS)
    values = forms.CharField(label="One of", required=False, max_length=500)
    amount_test = forms.ChoiceField(label="Amount of a sale", required=False, choices=COMPARE)
    amount = forms.DecimalField(label="Amount", required=False, min_value=0, max_digits=12, decimal_places=2)
    epsilon = forms.ChoiceField(label="How exact", choices=EXACTNESS)
    groups_per_person = forms.IntegerField(label="Groups a person counts in", required=False, min_value=1, max_value=20)
    events_per_person = forms.IntegerField(label="Events a person adds", required=False, min_value=1, max_value=100)
    amount_per_person = forms.IntegerField(label="Money a person adds", required=False, min_value=1, max_value=100_000)

    def __init__(self, data: Any, *, brand: Brand, rooms: list[CleanRoom]) -> None:
        super().__init__(data)
        # `from` is a keyword of Python and cannot be declared above.
        for name, label in (("from", "From"), ("to", "To")):
            self.fields[name] = forms.DateField(
                label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            )
        self.rooms = {str(room.pk): room for room in rooms}
        of_segments = AudienceSegment.objects.for_brand(brand).order_by("name", "pk").values_list("external_id", "name")
        self._choose("room", [(key, room.name) for key, room in self.rooms.items()])
        self._choose("segments", list(of_segments[:60]))
        split = [("", "nothing"), *((name, one.title) for name, one in DIMENSIONS.items())]
        self._choose("by", split)
        self._choose("also_by", split)
        self._choose("field", [("", "everybody"), *((name, one.title) for name, one in FILTERS.items())])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def room_chosen(self) -> CleanRoom:
        return self.rooms[self.cleaned_data["room"]]

    def query(self) -> dict[str, Any]:
        """The question as JSON; what the kind does not know is left out."""
        given = self.cleaned_data
        where: list[dict[str, Any]] = []
        if given["field"]:
            words = [word.strip() for word in given["values"].split(",") if word.strip()]
            where.append({"field": given["field"], "test": given["test"] or "in", "values": words})
        if given["kind"] == "overlap":
            return {"kind": "overlap", "segments": given["segments"], "where": where, "epsilon": given["epsilon"]}
        if given["amount_test"] and given["amount"] is not None:
            where.append({"field": "amount", "test": given["amount_test"], "value": str(given["amount"])})
        query = {"kind": "aggregate", "metrics": given["metrics"], "where": where, "epsilon": given["epsilon"]}
        query["by"] = [name for name in (given["by"], given["also_by"]) if name]
        bounds = ("from", "to", "groups_per_person", "events_per_person", "amount_per_person")
        return query | {name: given[name] for name in bounds if given[name] is not None}

    def refuse(self, error: BadQuery) -> None:
        """Puts an error of the query language beside the field it is about."""
        field = BELONGS.get(str(error.detail.get("field", "")).split(".")[0])
        self.add_error(field, error.message)

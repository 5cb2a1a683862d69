"""Windows: which network gives its figures in which attribution window, and the comparison in one of them."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.campaigns.listing import lately
from crm.views.brand import BrandRequest, requires_brand
from crm.windows.alignment import Window
from crm.windows.page import comparison

DATE = {"type": "date"}


class WindowForm(forms.Form):
    """The window to compare in and the days; all may be missing."""

    window = forms.CharField(required=False, max_length=20)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))

    days = forms.ChoiceField(required=False, choices=[("", "lately"), ("all", "all")])

    def clean_window(self) -> Window | None:
        key = self.cleaned_data["window"]
        window = Window.parse(key) if key else None
        if key and window is None:
            raise forms.ValidationError(f"“{key}” names no window. Choose one of the table.")
        return window


@require_safe
@requires_brand
def windows(request: BrandRequest) -> HttpResponse:
    """The page. Without a choice it shows the window in which most can be compared."""
    form = WindowForm(request.GET, auto_id="window-%s")
    form.is_valid()
    given = form.cleaned_data
    since, until = given.get("since"), given.get("until")
    by_itself = lately(request.brand) if since is None and until is None and given.get("days") != "all" else None
    context = {
        "place": "campaigns",
        "form": form,
        "lately": by_itself,
        "compared": comparison(request.brand, window=given.get("window"), since=since or by_itself, until=until),
    }
    return render(request, "crm/windows.html", context)

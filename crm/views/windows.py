"""Windows: which network gives its figures in which attribution window, and the comparison in one of them."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest, requires_brand
from crm.windows.alignment import Window
from crm.windows.page import comparison

DATE = {"type": "date"}


class WindowForm(forms.Form):
    """The window to compare in and the days; all may be missing."""

    window = forms.CharField(required=False, max_length=20)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE))

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
    context = {
        "place": "campaigns",
        "form": form,
        "compared": comparison(
            request.brand, window=given.get("window"), since=given.get("since"), until=given.get("until")
        ),
    }
    return render(request, "crm/windows.html", context)

"""Names of columns as people and networks write them, read word by word: `Att_Sls_14d` is sales within 14 days."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm.imports.reports.names import tokens

# what a word of a name stands for; words that mean different things at different networks are not here
_SPELLINGS: dict[str, str] = {
    "impressions": "impression impressions imp impr imprs impres imps displays impressionen shown",
    "clicks": "click clicks klicks clics clickthrough clickthroughs clk clks clck clcks",
    "spend": "spend cost costs spent kosten ausgaben expenditure spnd spd cst",
    "sales": "sales sls revenue rev revs umsatz turnover sale",
    "orders": "order orders purchases purchase purch ord ords transactions txn txns bestellungen checkouts "
    "conversion conversions conv convs cnv",
    "units": "unit units quantity quantities qty qtys uts unt unts",
    "day": "date day datum tag dt",
    "campaign": "campaign campaigns kampagne cmpgn cmpn cpgn camp cmp",
    "ad_group": "adgroup adset anzeigengruppe lineitem",
    "target": "keyword keywords kw kwd kwds kywd suchbegriff query",
    "currency": "currency währung ccy curr crncy",
    "code": "gtin upc ean asin barcode gtin14",
    "item": "item product sku artikel produkt prod prd itm",
    "id": "id ids uuid number no nr num",
    "name": "name nm title",
    "ntb": "ntb newtobrand",
    "hour": "hour stunde hr",
    "device": "device",
    "placement": "placement",
    "region": "region country",
    "audience": "audience segment",
}
WORDS: dict[str, str] = {word: kind for kind, words in _SPELLINGS.items() for word in words.split()}
# words that only colour a figure
COLOUR = frozenset(
    """
    total attributed att attr ad ads amount amt value micros micro the of in number all currency dollar gross usd eur
    cost media campaign report reporting event metrics click clicks sold d day days window daily num no cnt count
    """.split()  # noqa: SIM905 - one word a line would be forty lines
)
# words that make a share, a ratio or another thing out of a figure
OTHER = {
    **dict.fromkeys(
        (
            "rate",
            "ratio",
            "pct",
            "percent",
            "percentage",
            "share",
            "ctr",
            "cvr",
            "acos",
            "roas",
            "cpc",
            "cpm",
            "cpo",
            "cpa",
            "rpc",
            "ecpm",
            "ecpc",
            "ecp",
            "avg",
            "average",
            "per",
            "frequency",
            "index",
        ),
        "a share, a ratio or an average: it is computed from the figures",
    ),
    **dict.fromkeys(
        ("status", "state", "bid", "budget", "type", "strategy", "rule", "url", "image", "goal", "target_"),
        "a setting or a state, not a figure",
    ),
    **dict.fromkeys(
        (
            "view",
            "views",
            "viewable",
            "viewability",
            "video",
            "reach",
            "cart",
            "detail",
            "list",
            "assisted",
            "viewed",
            "measurable",
            "active",
            "invalid",
            "earned",
            "organic",
            "borrows",
            "kindle",
            "royalties",
            "searches",
            "branded",
            "visits",
            "visitors",
            "unique",
            "playing",
            "muted",
            "eligible",
            "lost",
            "wasted",
            "potential",
            "budgeted",
            "planned",
            "goal",
            "forecast",
        ),
        "another figure than those that Endcap keeps",
    ),
    **dict.fromkeys(
        (
            "same",
            "other",
            "direct",
            "related",
            "halo",
            "store",
            "pickup",
            "delivery",
            "offline",
            "promoted",
            "advertised_sku",
            "featured",
            "brand_sales",
            "instore",
        ),
        "a part of the attributed figures, which are read as a whole",
    ),
}
_WINDOW = re.compile(r"^\d{1,3}$")
_SHORT = frozenset({"conv", "convs", "cnv"})  # conversions, and much else: a conversion rate, a conversation
_WORTH = frozenset({"value", "val"})
# words of a name that take nothing from what another word says
_FILLING = frozenset(
    {"report", "rpt", "the", "of", "ad", "group", "grp", "set", "line", "code", "cd", "search", "term", "match", "type"}
)
_FIGURES = ("sales", "orders", "units", "spend", "impressions", "clicks")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for: `goes_to` as in Proposed ("": known, and not kept), how sure that is, and why."""

    goes_to: str
    confidence: float
    reason: str
    unit: str = ""


def attributed(words: tuple[str, ...]) -> tuple[int | None, str]:
    """(days of the window, attribution) that a name says: `14d`, `30 day`, `(click)`."""
    days = None
    for at, word in enumerate(words):
        near = words[max(0, at - 1) : at + 2]
        if _WINDOW.match(word) and {"d", "day", "days", "dc", "dv"} & set(near) and 1 <= int(word) <= 90:
            days = int(word)
    joined = " ".join(words)
    if re.search(r"click (?:and|or|\+)? ?view|post click view", joined):
        return days, "click_view"
    if "linear" in words:
        return days, "linear"
    if {"click", "clicks", "dc"} & set(words) and "through" not in words:
        return days, "click"
    if {"view", "views", "dv"} & set(words):
        return days, "view"
    return days, "unknown"


def meaning_of(name: str) -> Meaning | None:
    """What a name says by itself; None where its words say nothing, goes_to "" where they say it is not kept."""
    words = tokens(name)
    joined = " ".join(words)
    new = "ntb" in words or "new to brand" in joined or "newtobrand" in joined.replace(" ", "")
    words = tuple(re.sub(r"\bnew to brand\b", "ntb", joined).split())
    for word in words:
        if word in OTHER and not (word in ("view", "views") and len(words) > 2 and _figure(words)[0]):
            return Meaning("", 0.9, OTHER[word])
    if words in (("amt",), ("amount",)):
        return Meaning("spend", 0.55, "an amount of money; it could be sales as well as spend")
    figure, unknown = _figure(words)
    if figure in ("sales", "orders", "units") or (figure and new):
        days, attribution = attributed(words)
        confidence = 0.92 if not unknown else 0.6
        if _SHORT & set(words):
            confidence = min(confidence, 0.75)
        if days is None and not {"attributed", "att", "attr"} & set(words):
            confidence = min(confidence, 0.85)
        said = f"reads like {figure}" + (f" within {days} days" if days else ", window not said") + _not_read(unknown)
        return Meaning(f"{'ntb_' if new else ''}{figure}|{days or ''}|{attribution}", confidence, said)
    if figure:
        return Meaning(figure, 0.93 if not unknown else 0.6, f"reads like {figure}{_not_read(unknown)}")
    return _dimension(words)


def _not_read(words: list[str]) -> str:
    return f", whatever {' '.join(words)} means in it" if words else ""


def _figure(words: tuple[str, ...]) -> tuple[str, list[str]]:
    """(the figure that a name speaks of, words that were not understood)."""
    if {"id", "name"} & {WORDS.get(word, "") for word in words if word not in ("number", "no", "num")}:
        return "", []
    kinds = {WORDS.get(word, "") for word in words}
    for figure in _FIGURES:  # `sales clicks` are sales, `click spend` is spend
        if figure not in kinds:
            continue
        taken = {figure, "ntb"}
        if figure == "orders" and _WORTH & set(words):  # `conversion value` is money
            figure, taken = "sales", taken | {"sales"}
        known = {
            word for word in words if WORDS.get(word) in taken or word in COLOUR or word in _WORTH or word.isdigit()
        }
        return figure, [word for word in words if word not in known]
    return "", []


def _dimension(words: tuple[str, ...]) -> Meaning | None:
    kinds = [WORDS.get(word, "") for word in words]
    joined = "".join(words)
    extra = [word for word, kind in zip(words, kinds, strict=True) if not kind and word not in _FILLING]
    sure = 0.93 if not extra else 0.6
    group = "adgroup" in joined or "adgrp" in joined or "adset" in joined or "lineitem" in joined
    if {"start", "begin", "from"} & set(words) and "day" in kinds:
        return Meaning("range_start", 0.85, "reads like the first day of a range")
    if {"end", "to", "until", "stop"} & set(words) and "day" in kinds:
        return Meaning("range_end", 0.85, "reads like the last day of a range")
    if {"update", "updated", "created", "creation", "modified", "synced", "timestamp"} & set(words):
        return Meaning("", 0.9, "says when a row was written, not when it happened")
    if "day" in kinds and len([kind for kind in kinds if kind]) == 1:
        return Meaning("measured_on", sure, "reads like the day")
    if "hour" in kinds:
        return Meaning("hour", sure * 0.95, "reads like the hour")
    if "currency" in kinds:
        return Meaning("currency", sure, "reads like the currency")
    if group:
        return Meaning("ad_group" if "id" in kinds else "ad_group_name", sure, "reads like the ad group")
    if "campaign" in kinds:
        if set(kinds) - {"campaign", "id", "name", ""}:
            return None
        return Meaning("campaign_id" if "id" in kinds else "campaign_name", sure, "reads like the campaign")
    if "searchterm" in joined:
        return Meaning("target", sure, "reads like the search term")
    if "target" in kinds and "id" not in kinds:
        return Meaning("target", sure, "reads like the keyword")
    if "matchtype" in joined:
        return Meaning("match_type", sure, "reads like the match type")
    if "code" in kinds:
        return Meaning("item", sure, "reads like a product code")
    if "item" in kinds:
        return Meaning(
            "item" if "id" in kinds or {"code", "cd"} & set(words) else "item_name",
            min(sure, 0.88),
            "reads like the product",
        )
    for kind in ("device", "placement", "region"):
        if kind in kinds:
            return Meaning(f"breakdown.{kind}", sure * 0.95, f"reads like the {kind}")
    if "audience" in kinds:
        return Meaning("audience", sure * 0.92, "reads like the audience")
    return None

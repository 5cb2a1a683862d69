"""Lines of postal addresses in the ways of several languages.

Four signs: a street word with a number, a box, a flat or a postal code beside its word, and any "number + Capital
words" right after words like "lives at". Parts that touch are one address; the town behind with its code belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm.privacy.recognizers.found import Found

N = r"\d{1,5}(?:[ -]?[A-Za-z](?![\w']))?(?:[/-]\d{1,4}[A-Za-z]?)?"
W = r"[^\W\d_][\w'’.-]*"
CAPITAL = r"[A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΑ-ΩА-Я][\w'’.-]*"
STRONG = "street|road|avenue|boulevard|lane"
ENGLISH = (
    "Street|St|Road|Rd|Avenue|Ave|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|Close|"
    "Crescent|Cres|Highway|Hwy|Parkway|Pkwy|Quay|Row|Mews|Trail|Trl|Circle|Cir|Gardens|Grove|Walk|Plaza|Crossing|"
    "Turnpike|Alley|Loop|Esplanade|Parade|Route|Rapids?|Glens?|Lakes?|Brooks?|Falls|Wells|Ports?|Forks?|Shoals?|Views?|"
    "Islands?|Bypass|Causeway|Extensions?|Freeway|Summit|Manors?|Meadows?|Mountains?|Orchard|Overpass|Passage|Path|"
    "Pike|Pines?|Points?|Prairie|Ridges?|Rue|Run|Shores?|Springs?|Spurs?|Squares|Station|Stravenue|Stream|Tunnel|"
    "Underpass|Unions?|Valleys?|Via|Villages?|Ville|Vista|Walks|Ways|Canyon|Common|Corners?|Course|Coves?|Creek|Crest|"
    "Dale|Dam|Divide|Estates?|Expressway|Ferry|Fields?|Flats?|Fords?|Forest|Forges?|Fort|Garden|Gateway|Green|Groves|"
    "Harbors?|Haven|Heights|Hills?|Hollow|Inlet|Isle|Junctions?|Keys?|Knolls?|Land|Light|Locks?|Lodge|Mall|Mill|Mills|"
    "Mission|Motorway|Neck|Oval|Park|Parks|Radial|Ramp|Ranch|Rest|River|Skyway|Throughway|Trace|Track|Trafficway|"
    "Burgs?|Bluffs?|Bottom|Branch|Bridge|Camp|Cape|Center|Centers|Circles|Cliffs?|Club|Courts|Drives|Streets"
)
COMPOUND = (
    "straße|strasse|str\\.|gasse|weg|platz|allee|damm|ufer|straat|laan|plein|gracht|dreef|singel|steenweg|gatan|gata|"
    "vägen|vegen|veien|vej|katu|utca|ulice"
)
STANDS_ALONE = "Straße|Strasse|Str\\.|Weg|Platz|Allee|Gasse|Gürtel|Ring|[Úú]tja|[Úú]t|utca|rkp\\.|tér|[Nn]áměstí"
OF = "(?:[Dd]e la |[Dd]e l['’]|[Dd]es? |[Dd]u |[Dd]ella? |[Dd]ei |[Dd]el |[Dd]os? |[Dd]as? )?"
BEFORE = (
    "[Rr]ue|[Aa]venue|Av\\.|[Aa]llée|[Cc]hemin|[Ii]mpasse|[Qq]uai|[Bb]oulevard|Via|Viale|Piazza|Corso|Vicolo|Calle|"
    "C/|Avenida|Avda\\.?|Plaza|Paseo|Camino|Rua|Travessa|[Uu]l\\.|[Uu]lica|[Aa]l\\.|[Aa]leja|[Oo]s\\.|Strada|Bulevardul|улица|ул\\.|"
    "Am|An der|Auf dem|Im|"
    "Zum|Zur|Straße des|Platz der"
)
FLAT = r"(?:Apt|Apartment|Suite|Ste|Flat|Wohnung|Studio|Piso|Interno|Box)\.? ?#?\d{1,5}[A-Za-z]?"
STATE = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
STREET = re.compile(
    rf"(?<![\w.,/+-])(?:{N},? (?:{N} )?(?:{CAPITAL} ){{1,4}}(?:{ENGLISH})\b\.?"
    r"(?: (?:North|South|East|West|[NSEW]{1,2})\b)?"
    rf"|{N},? (?:{N} )?(?:{W} ){{1,3}}(?:{STRONG})\b"
    rf"|(?:{N},? ){{1,3}}(?:{BEFORE}) {OF}{CAPITAL}(?: {CAPITAL}){{0,3}}"
    rf"|(?:{N} )?(?:{BEFORE}) {OF}{CAPITAL}(?: {CAPITAL}){{0,3}},? (?:n[°º.]? ?)?{N}"
    rf"|(?:{N} )?(?:{CAPITAL}[ -]){{0,3}}[^\W\d_][\w-]{{2,}}(?:{COMPOUND}) {N}"
    rf"|(?:{N} )?(?:{CAPITAL}[ -]){{1,3}}(?:{STANDS_ALONE}) {N}"
    rf"|the corner of (?:{CAPITAL} ?){{1,4}}(?:\d{{1,4}} )?and (?:{CAPITAL} ?){{1,4}}(?:\d{{1,4}}\b)?)"
)
BOX = re.compile(
    r"\b(?:P\.? ?O\.? ?Box|Post Office Box|GPO Box|Postfach|Bo[iî]te postale|B\.? ?P\.?|Postbus|Casella postale|"
    r"Apartado(?: de correos)?|Caixa postal|[Ss]kr\. poczt\.|PSC|USNS|USCGC|USS) #?\d{1,6}(?:,? Box \d{1,5})?\b",
    re.IGNORECASE,
)
MILITARY = re.compile(r"\b(?:[AFD]PO) A[AEP],? \d{5}(?:-\d{4})?\b")
CODE = re.compile(
    r"(?:\bzip(?: ?code)?|\bpost ?code|\bpostal code|\bPLZ|\bPostleitzahl|\bcode postal|\bc[óo]digo postal|\bCAP)\b"
    r"\W{0,4}(?:is |lautet |est )?\W{0,2}"
    r"(\d{4,6}(?:-\d{3,4})?|\d{4} ?[A-Z]{2}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)\b",
    re.IGNORECASE,
)
STATE_CODE = re.compile(rf"(?:{CAPITAL} ){{0,2}}{CAPITAL},? (?:{STATE}),? \d{{5}}(?:-\d{{4}})?(?!\d|[.,]\d)")
BRITISH = re.compile(r"\b(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})\b")
UNIT = re.compile(rf"(?<!\w){FLAT}(?!\w)", re.IGNORECASE)
PLACED = re.compile(
    r"(?:\baddress(?:es)?\b[^.!?\n]{0,24}?|\bliv(?:es?|ed|ing) (?:at|on|in)|\bwohn(?:t|e|haft) (?:in|an|am)|\bAdresse|"
    r"\bhabite|\bvive en|\babita in|\bdirección|\bindirizzo|\badres|"
    r"\b(?:is|are|located|meet(?: you| me)?|arrived|returned?|send(?: it)?|sent|deliver(?:ed)?|taxi|ship(?:ped)?|"
    r"move[ds]?|meeting\b.{0,80}) (?:at|on|to|in))\W{0,8}(?:is |lautet )?\W{0,6}"
    rf"({N}(?:,? {N})?,? {CAPITAL}(?: (?:{W}|\d{{1,5}}))*|(?:{CAPITAL} ){{1,4}}\d{{1,5}}[A-Za-z]?(?![\w.]|,\d))",
)
HOURS = re.compile(
    r"^\d{1,4} (?:AM|PM|Uhr|January|February|March|April|May|June|July|August|September|October|November|December|EUR|"
    r"USD|GBP|Euro|Dollars?|Percent)\b"
)
TOWN = re.compile(
    rf"(?:(?:\s*,\s*|\s*\n[\s>?]*|[ ])(?:{FLAT}|{CAPITAL}(?: {W}){{0,4}}?|nan)){{0,4}}?"
    rf"(?:\s*,\s*|\s*\n[\s>?]*|[ ])(?:(?:{STATE})\s+)?(?:[A-Z]{{1,3}} ?-? ?)?\d{{4,6}}(?:-\d{{4}})?(?![\w]|[.,]\d)"
    rf"(?: {CAPITAL}(?![\w. ]*\d))?"
)
SENTENCE_END = re.compile(r"[^\W\d_]{4}\.$")
GAP = re.compile(r"[\s,;>?]*")


def addresses(text: str) -> Iterator[Found]:
    """Address lines with the town behind them."""
    parts: list[tuple[int, int, float]] = []
    for pattern, score in (
        (STREET, 0.7),
        (BOX, 0.85),
        (MILITARY, 0.85),
        (STATE_CODE, 0.75),
        (BRITISH, 0.75),
        (UNIT, 0.6),
    ):
        parts += [(match.start(), match.end(), score) for match in pattern.finditer(text)]
    parts += [(match.start(1), match.end(1), 0.8) for match in CODE.finditer(text)]
    for match in PLACED.finditer(text):
        if not HOURS.match(match.group(1)):
            parts.append((match.start(1), match.end(1), 0.6))
    for start, end, score in _joined(text, sorted(parts)):
        yield Found("address", start, end, score)


def _joined(text: str, parts: list[tuple[int, int, float]]) -> Iterator[tuple[int, int, float]]:
    """Parts that overlap or touch become one; a town with a postal code behind a part is taken along."""
    current: tuple[int, int, float] | None = None
    for start, end, score in parts:
        if current is not None:
            gap = GAP.match(text, current[1])
            if start <= current[1] or (gap is not None and start <= gap.end()):
                current = (current[0], max(end, current[1]), max(score, current[2]))
                continue
            yield _with_town(text, current)
        current = (start, end, score)
    if current is not None:
        yield _with_town(text, current)


def _with_town(text: str, part: tuple[int, int, float]) -> tuple[int, int, float]:
    town = TOWN.match(text, part[1], min(len(text), part[1] + 120))
    start, end, score = (part[0], town.end(), max(part[2], 0.75)) if town else part
    if SENTENCE_END.search(text, start, end):
        end -= 1
    return start, end, score

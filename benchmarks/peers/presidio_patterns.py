"""Presidio's pattern recognizers over texts from stdin (a JSON list); spans and seconds to stdout. Its own process and
environment: importing it brings spaCy. No network: the public-suffix list that comes with tldextract is used."""

from __future__ import annotations

import json
import sys
import time

import tldextract

tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # type: ignore[assignment]

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: E402
from presidio_analyzer.nlp_engine import NoOpNlpEngine  # noqa: E402

ENTITIES = [
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "URL", "DATE_TIME",
    "US_DRIVER_LICENSE",
]  # fmt: skip


def main() -> None:
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}]),
        supported_languages=["en"],
    )
    texts = json.load(sys.stdin)
    for text in texts[:50]:
        engine.analyze(text, language="en", entities=ENTITIES)
    began = time.perf_counter()
    found = [engine.analyze(text, language="en", entities=ENTITIES) for text in texts]
    seconds = time.perf_counter() - began
    spans = [[[one.entity_type, one.start, one.end, one.score] for one in per_text] for per_text in found]
    json.dump({"seconds": seconds, "spans": spans}, sys.stdout)


if __name__ == "__main__":
    main()

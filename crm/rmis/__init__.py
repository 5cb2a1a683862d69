"""RMIS, the Retail Media Interchange Schema: the canonical truth as typed shapes that others can read and write.

`schema` publishes them as JSON Schema, `rows` turns the database's rows into shapes and back.
"""

from crm.rmis.events import Attributed, Event, OutcomeEvent, PerformanceEvent, SaleEvent
from crm.rmis.parts import VERSION
from crm.rmis.schema import SHAPES, document, index, published
from crm.rmis.things import SKU, Audience, Campaign, Fact, Plan, Policy, RetailerItem

__all__ = [
    "SHAPES",
    "SKU",
    "VERSION",
    "Attributed",
    "Audience",
    "Campaign",
    "Event",
    "Fact",
    "OutcomeEvent",
    "PerformanceEvent",
    "Plan",
    "Policy",
    "RetailerItem",
    "SaleEvent",
    "document",
    "index",
    "published",
]

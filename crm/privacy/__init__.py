"""What may leave the house: personal data in texts, limits of ad copy, what the law asks of an e-mail, and policies.

This package and what it names are pure: text in, spans and issues out. `policies`, `keys`, `consent`, `applying` and
`retention` read the database and are imported by their own names.
"""

from crm.privacy.adcopy import check_copy
from crm.privacy.detection import Span, detect
from crm.privacy.email_law import check_email, hard_gate
from crm.privacy.issues import BLOCKING, WARNING, Issue
from crm.privacy.personal import find_personal_data, mask
from crm.privacy.rulebook import Rules, rules_for

__all__ = [
    "BLOCKING",
    "WARNING",
    "Issue",
    "Rules",
    "Span",
    "check_copy",
    "check_email",
    "detect",
    "find_personal_data",
    "hard_gate",
    "mask",
    "rules_for",
]

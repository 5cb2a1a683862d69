"""What may leave the house: personal data in texts, limits of ad copy, and what the law asks of an e-mail.

Pure: text in, issues with spans out. A small version with patterns and checksums of its own.
"""

from crm.privacy.adcopy import check_copy
from crm.privacy.email_law import check_email, hard_gate
from crm.privacy.issues import BLOCKING, WARNING, Issue
from crm.privacy.personal import PersonalData, find_personal_data, mask
from crm.privacy.rulebook import Rules, rules_for

__all__ = [
    "BLOCKING",
    "WARNING",
    "Issue",
    "PersonalData",
    "Rules",
    "check_copy",
    "check_email",
    "find_personal_data",
    "hard_gate",
    "mask",
    "rules_for",
]

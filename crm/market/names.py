"""Invented names for simulated buyers and companies: the same key, the same name. Pure; any likeness is chance."""

from __future__ import annotations

from crm.market.buyers import rng_of

FIRST = (
    "Jo", "Mika", "Elif", "Tomas", "Ines", "Karl", "Noor", "Petra", "Sami", "Lotte", "Bruno", "Asta", "Dario", "Hanne",
    "Yusuf", "Clara", "Otto", "Signe", "Remy", "Olga", "Piet", "Tilda", "Marek", "Zoe",
)  # fmt: skip
LAST = (
    "Marsh", "Okafor", "Lindqvist", "Berger", "Novak", "Santos", "Demir", "Hofmann", "Keller", "Rossi", "Dubois",
    "Jansen", "Nilsen", "Kovac", "Moreau", "Vogel", "Silva", "Larsen", "Weiss", "Ferri", "Haas", "Brandt", "Costa",
    "Lund",
)  # fmt: skip
PLANT = (
    "Fennel", "Sorrel", "Juniper", "Thistle", "Clover", "Bramble", "Saffron", "Yarrow", "Larch", "Rowan", "Tansy",
    "Lovage", "Alder", "Hazel", "Quince", "Medlar", "Barley", "Chervil", "Borage", "Heather",
)  # fmt: skip
TRADE = {
    "independent grocer": ("& Co", "Grocers", "Corner Shop", "Market"),
    "café": ("Café", "Coffee House", "Kitchen", "Breakfast Bar"),
    "health-food shop": ("Wholefoods", "Naturals", "Pantry", "Health Store"),
    "regional chain": ("Stores", "Foods Group", "Markets", "Retail"),
    "furniture shop": ("Interiors", "Furniture", "Living", "Rooms"),
    "electrical shop": ("Electric", "Lighting", "Lamps", "Supplies"),
    "hotel": ("Hotel", "Inn", "House", "Rooms"),
    "office fitter": ("Workspaces", "Fit-out", "Offices", "Interiors"),
    "pet shop": ("Pets", "Pet Supplies", "Paws", "Pet Corner"),
    "vet practice": ("Vets", "Animal Clinic", "Veterinary", "Pet Health"),
    "kennel": ("Kennels", "Dog Hotel", "Boarding", "Cattery"),
}


def person(key: str) -> str:
    rng = rng_of(0, "person", key)
    return f"{FIRST[rng.integers(len(FIRST))]} {LAST[rng.integers(len(LAST))]}"


def company(key: str, segment: str) -> str:
    rng = rng_of(0, "company", key)
    kinds = TRADE.get(segment, ("& Co", "Trading", "Partners", "Group"))
    return f"{PLANT[rng.integers(len(PLANT))]} {kinds[rng.integers(len(kinds))]}"


def lead_name(key: str, segment: str) -> str:
    """What a lead made by the market is called: a shopper, a retailer's buyer, or a person at a company."""
    if key.startswith("SHOPPER-"):
        return f"Shopper {key.removeprefix('SHOPPER-')}"
    if key.startswith("RETAIL-"):
        return f"Category buyer at {key.removeprefix('RETAIL-')}"
    return f"{person(key)}, {company(key, segment)}"

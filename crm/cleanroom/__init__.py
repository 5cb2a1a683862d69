"""Clean rooms: aggregates of people's data, asked in a typed language, answered with noise, paid from a budget.

`rooms.ask` is the one door. It leads to the embedded room over our own data or to a retailer's HTTP endpoint; the
answer has the same shape and says which of them it was. What the noise protects, and what not: docs/clean-room.md.
"""

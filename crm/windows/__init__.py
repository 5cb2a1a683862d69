"""Attribution windows: which network gives its figures in which window, and what can be compared in one of them.

Nothing is ever converted: a figure of 30 days is not a figure of 14 days made larger. A row that does not give the
chosen window is left out, and said.
"""

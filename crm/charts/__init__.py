"""Charts drawn on the server as SVG that takes its colours from class names alone.

Every chart takes frozen dataclasses and returns markup that is safe to print, carries its finding in ``aria-label`` and
can give the table behind it. Nothing here asks the database or knows a request. Interaction is left out: the table
serves the keyboard.
"""

"""Faults: programs that record are harmed, and what they had acknowledged is looked for afterwards.

`python -m faults` prints a table. A fault is a function in a module of `faults.harm`; `room.py` is what it works with.
Only processes that a fault started are ended, and everything lies in temporary folders.
"""

"""Deleting for good: by age, and all that somebody left; with a receipt. Knows no SQL, no HTTP and no threads."""

"""The views: one module each, its documents, its rules, and the mapping from rows. Pure.

They stand one folder down since `agenttrace.query.run_logs` and its like are the functions that users call.
"""

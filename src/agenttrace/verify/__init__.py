"""Verification: whether secrets lie in a store, in its files, in its journals. Says where, and never what."""

from __future__ import annotations

from agenttrace.verify.report import Leak, Report

__all__ = ["Leak", "Report"]

"""Rows that a language model makes up: generators, how real they look, and their pictures (paper §4)."""

from utils._lazy import attach

__getattr__ = attach(__name__)

"""Implementations by others: another language, another framework."""

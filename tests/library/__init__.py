"""Judges of the library's grammars, and texts for them to judge."""

"""The scope grammar (being written)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    text: str


@dataclass(frozen=True, slots=True)
class Scope:
    clauses: tuple[Clause, ...]

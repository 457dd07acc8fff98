"""checklist.toml → phases and items, and where each stands by records, sign-offs and ledger."""

from gonogo.checklist.entries import Checklist, Item, Phase
from gonogo.checklist.reading import load

__all__ = ["Checklist", "Item", "Phase", "load"]

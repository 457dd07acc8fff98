"""checklist.toml → phases and items, and where each stands by records, sign-offs and ledger."""

from gonogo.checklist.entries import Checklist, Item, Phase, load

__all__ = ["Checklist", "Item", "Phase", "load"]

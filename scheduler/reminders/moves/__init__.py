"""Every change of a delivery's state; no other code changes one (docs/state-machine.md)."""

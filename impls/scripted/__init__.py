"""What every implementation plays: scripts, schedule, ledger, event streams, delivery. Imports no web framework."""

"""Metrics: what each measures in one record, and what a run of records comes to."""

"""Master data from CSV files that a person writes: `python -m oms setup DIR`."""

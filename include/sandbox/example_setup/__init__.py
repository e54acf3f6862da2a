"""Master data of the demonstration, as a person would write it (`python -m oms setup`)."""

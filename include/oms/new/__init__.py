"""Begins a new job: `python -m oms.new SHAPE NAME` writes its entry, function, SQL, document and test."""

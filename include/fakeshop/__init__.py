"""A local Shopify: the real Admin schema, real limits, injectable faults (``python -m fakeshop``)."""

__version__ = "1"

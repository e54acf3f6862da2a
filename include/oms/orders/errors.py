"""What can be wrong with an order."""

from oms.errors import NeedsPerson


class OrderError(NeedsPerson):
    """The order or the request for it is at fault; the same request fails again."""


class PackedLocked(OrderError):
    """PACKED_LOCKED: the units are packed, so nothing about them can be taken back (orders.md 6.9, 13)."""

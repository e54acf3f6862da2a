"""What can be wrong with an order."""


class OrderError(Exception):
    """The order or the request for it is at fault; the same request fails again."""

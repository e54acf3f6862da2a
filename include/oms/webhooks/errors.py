"""What keeps subscriptions from being what they should be."""

from oms.errors import NeedsPerson


class SubscriptionsLeft(NeedsPerson):
    """The shop refused some subscriptions; all others are as they should be. The message names them."""

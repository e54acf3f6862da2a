"""What keeps subscriptions from being what they should be."""


class SubscriptionsLeft(Exception):
    """The shop refused some subscriptions; all others are as they should be. The message names them."""

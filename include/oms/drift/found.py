"""What a drift report has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unserved:
    """An active location of the shop that receives no figures of ours, and what it has to sell.

    reason: why not. sells_online: whether it fulfils online orders, so that the shop offers its units there.
    """

    shopify_location_id: int
    location_name: str
    reason: str
    sells_online: bool
    products: int
    units: int

    def __str__(self) -> str:
        where = "online" if self.sells_online else "there, none of them online"
        return (
            f"location {self.shopify_location_id} {self.location_name} ({self.reason}): {self.units:,} units"
            f" of {self.products:,} products are offered {where}"
        )


@dataclass(frozen=True)
class Drift:
    """A report that is stored: how many levels and units differ, by cause, largest first."""

    report_id: int
    shop_id: str
    shop_levels: int
    our_levels: int
    causes: dict[str, int]
    units: dict[str, int]
    unserved: tuple[Unserved, ...] = ()

"""What happens to orders, in their shops and in the OMS."""

import pytest

from oms.fulfillment import packing
from oms.orders.errors import PackedLocked
from oms.shopify import windows
from tests.oms import one_item
from tests.simulation.model import DEPLETES_ON_PACK, STORES, Cancellation, Level, Order, TillSale
from tests.simulation.stage import Stage

MOVE = """mutation Move($id: ID!, $to: ID!) {
    fulfillmentOrderMove(id: $id, newLocationId: $to) { userErrors { message } } }"""


class Orders(Stage):
    """Orders and sales at tills."""

    def place(self, shop: str, location: str, sku: str, quantity: int) -> None:
        if Level(shop, location, sku) not in self.levels:
            return
        placed = self.server.place_order(shop, {"sku": sku, "quantity": quantity, "location": location})
        self.model.orders.append(Order(sku, quantity, shop, location, placed))

    def take_in(self, number: int, stands_at: str) -> None:
        """Take in an order of a shop; one that is known is taken in once more, which changes nothing."""
        order = self._order(number)
        if order is None or order.shop is None:
            return
        line = one_item.Line(
            self.bench.world.products[order.sku],
            order.quantity,
            str(order.placed["lines"][0]["id"]),
            order.placed["fulfillment_orders"][0]["location"],
        )
        order_id = one_item.take_in(self.db, order.shop, str(order.placed["id"]), [line], stands_at)
        if order.taken_in:
            assert order_id == order.order_id
            return
        order.order_id, order.stands_at = order_id, stands_at
        self.model.touch(order.sku)

    def other_channel(self, sku: str, quantity: int) -> None:
        if sku not in self.skus:
            return
        line = one_item.Line(self.bench.world.products[sku], quantity)
        number = one_item.take_in(self.db, None, f"other-{len(self.model.orders)}", [line])
        self.model.orders.append(Order(sku, quantity, order_id=number))
        self.model.touch(sku)

    def reserve(self, number: int, facility: str) -> None:
        order = self._order(number)
        if order is None or not order.open_units():
            return
        if order.shipment:
            with pytest.raises(PackedLocked):
                one_item.release(self.db, order.order_id, 1)
            return
        if order.reserved_at == facility:
            one_item.release(self.db, order.order_id, 1)
            self.model.move_order(order, atp=order.open_units())
            order.reserved_at, order.stands_at = None, "_NA_"
        elif order.reserved_at is None:
            one_item.reserve(self.db, order.order_id, 1, facility)
            order.reserved_at = order.stands_at = facility
            order.parts = dict(self.model.parts_of(order.sku))
            self.model.move_order(order, atp=-order.open_units())
        self.model.touch(order.sku)

    def cancel(self, number: int, quantity: int, restocked: bool) -> None:
        order = self._order(number)
        if order is None or order.is_on_its_way:
            return
        if order.shop is None:
            quantity = min(quantity, order.open_units())
            if quantity and not order.shipment:
                order.cancellations.append(Cancellation(quantity, False))
                self._tell(order, order.cancellations[-1])
            return
        quantity = min(quantity, order.held_by_shop())
        if not quantity:
            return
        self._refund(order, quantity, restocked)
        order.cancellations.append(Cancellation(quantity, restocked, location=order.location))

    def _refund(self, order: Order, quantity: int, restocked: bool) -> None:
        part = {
            "sku": order.sku,
            "quantity": quantity,
            "restock_type": "CANCEL" if restocked else "NO_RESTOCK",
        }
        self.server.order_action(order.shop, order.placed["id"], "refund", lines=[part])

    def cancel_here(self, number: int, quantity: int, upload: bool) -> None:
        """The OMS decides to cancel; what it will upload counts at once, the shop hears of it later."""
        order = self._order(number)
        if order is None or order.shop is None or order.is_on_its_way:
            return
        quantity = min(quantity, order.cancellable())
        if quantity <= 0:
            return
        if order.shipment:
            with pytest.raises(PackedLocked):
                one_item.cancel_here(self.db, order.order_id, 1, quantity, upload)
            return
        one_item.cancel_here(self.db, order.order_id, 1, quantity, upload)
        order.cancellations.append(
            Cancellation(
                quantity, upload, done=not upload, told=True, local=not upload, location=order.location
            )
        )
        if order.reserved_at:
            self.model.move_order(order, atp=quantity)
        self.model.touch(order.sku)

    def hold_at(self, number: int, location: str) -> None:
        """The OMS decides that the shop is to hold an order elsewhere; the shop moves it later."""
        order = self._order(number)
        if order is None or order.shop is None or not order.taken_in or order.is_on_its_way:
            return
        units = order.held_by_shop()
        fits = Level(order.shop, location, order.sku) in self.levels and order.location != location
        if not fits or not units or units != order.held_as_told() or not order.all_told():
            return
        place = self.bench.locations[order.shop, location]
        assert one_item.hold_at(self.db, order.order_id, 1, place) == units
        order.decided.append((order.location, location, units))
        self.model.touch(order.sku)

    def upload(self, number: int, given_up: bool) -> None:
        """The shop is told what the OMS has decided of an order, or that is given up."""
        order = self._order(number)
        if order is None or order.shop is None or not order.is_on_its_way:
            return
        if order.location != order.told_location:
            self._upload_move(order, given_up)
        for one in [one for one in order.cancellations if not one.done]:
            if given_up:
                one_item.give_up_upload(self.db, order.order_id, 1, one.quantity)
                one.local = True
            else:
                self._refund(order, one.quantity, True)
            one.done = True
        self.model.touch(order.sku)

    def _upload_move(self, order: Order, given_up: bool) -> None:
        if given_up:
            one_item.hold_at(self.db, order.order_id, 1, self.bench.locations[order.shop, order.location])
            source, target, units = order.decided[-1]
            order.decided.append((target, source, units))
            return
        part = next(
            part
            for one in self.server.orders(order.shop)
            if one["id"] == order.placed["id"]
            for part in one["fulfillment_orders"]
            if part["status"] in ("OPEN", "IN_PROGRESS")
        )
        variables = {
            "id": f"gid://shopify/FulfillmentOrder/{part['id']}",
            "to": f"gid://shopify/Location/{self.bench.locations[order.shop, order.told_location]}",
        }
        answer = self.server.graphql(order.shop, MOVE, variables)
        assert answer["data"]["fulfillmentOrderMove"]["userErrors"] == [], answer
        order.moved = list(order.decided)

    def tell(self, number: int) -> None:
        """The OMS learns of what has happened to an order since."""
        order = self._order(number)
        if order is None or not order.taken_in:
            return
        for one in order.cancellations:
            if not one.told:
                self._tell(order, one)
        if order.fulfilled and not order.fulfilled_told:
            one_item.fulfilled(self.db, order.order_id, 1)
            order.fulfilled_told = True
            order.fulfilling = False
            self.model.touch(order.sku)

    def _tell(self, order: Order, one: Cancellation) -> None:
        if order.shipment and not order.shipped:
            one_item.keep(self.db, order.order_id, 1, one.quantity, one.restocked)
            one.kept = True
        else:
            one_item.cancel(self.db, order.order_id, 1, one.quantity, one.restocked)
            if order.reserved_at and not order.shipped:
                self.model.move_order(order, atp=one.quantity)
        one.told = True
        self.model.touch(order.sku)

    def keep(self, number: int) -> None:
        """The OMS learns of a cancellation when the units are packed: it delivers them."""
        order = self._order(number)
        if order is None or order.shop is None or not order.reserved_at or not order.open_units():
            return
        for one in order.cancellations:
            if not one.told:
                one_item.keep(self.db, order.order_id, 1, one.quantity, one.restocked)
                one.told = one.kept = True
                self.model.touch(order.sku)

    def ship(self, number: int, ours: bool) -> None:
        """A reserved order leaves; then the shop hears of it, from us or from somebody else."""
        order = self._order(number)
        if order is None:
            return
        if order.reserved_at and order.open_units():
            units = order.open_units()
            if order.shipment:
                packing.ship(self.db, order.shipment)
            else:
                one_item.ship(self.db, order.order_id, 1)
            if not order.has_left_shelf:
                self.model.move_order(order, qoh=-units)
            order.shipped = True
            self.model.touch(order.sku)
        elif order.shipped and order.held_by_shop() and not order.is_on_its_way and not order.fulfilling:
            if ours:
                one_item.fulfilling(self.db, order.order_id, 1)
                order.fulfilling = True
            self.server.order_action(order.shop, order.placed["id"], "fulfil")
            order.fulfilled = True

    # packing

    def pack(self, number: int, again: bool) -> None:
        """A reserved order is packed; again: the request is sent twice. It is locked then."""
        order = self._order(number)
        if order is None or order.shipment or not order.reserved_at or not order.open_units():
            return
        key = f"pack:{order.order_id}:{next(self._runs)}"
        for _ in range(1 + again):
            shipment = packing.pack(self.db, order.order_id, order.reserved_at, key=key)
            assert order.shipment in (None, shipment), "a repeated request is another shipment"
            order.shipment = shipment
        if order.reserved_at == DEPLETES_ON_PACK:
            self.model.move_order(order, qoh=-order.open_units())
            order.has_left_shelf = True
            self.model.touch(order.sku)

    def unpack(self, number: int, force: bool) -> None:
        """Somebody opens a packed order again, which takes force."""
        order = self._order(number)
        if order is None or not order.shipment or order.shipped:
            return
        if not force:
            with pytest.raises(PackedLocked):
                packing.unpack(self.db, order.shipment)
            return
        packing.unpack(self.db, order.shipment, force=True)
        if order.has_left_shelf:
            self.model.move_order(order, qoh=order.open_units())
            self.model.touch(order.sku)
        order.shipment, order.has_left_shelf = None, False

    # tills of the shop

    def sell_at_till(self, shop: str, location: str, sku: str, quantity: int) -> None:
        if Level(shop, location, sku) not in self.levels:
            return
        line = {"sku": sku, "quantity": quantity, "location": location}
        placed = self.server.place_order(shop, line)
        self.server.order_action(shop, placed["id"], "fulfil")
        self.model.till_sales.append(TillSale(shop, location, sku, quantity, placed))

    def return_to_till(self, number: int) -> None:
        """A customer brings a unit back; the shop puts it on sale again."""
        sale = self._till_sale(number)
        if sale is None or sale.back == sale.quantity:
            return
        place = self.bench.locations[sale.shop, sale.location]
        part = {"sku": sale.sku, "quantity": 1, "restock_type": "RETURN", "location": place}
        self.server.order_action(sale.shop, sale.placed["id"], "refund", lines=[part])
        sale.back += 1

    def take_in_till_sale(self, number: int) -> None:
        """The OMS learns of a sale at a till and of what came back of it."""
        sale = self._till_sale(number)
        if sale is None:
            return
        if sale.order_id and sale.back_told == sale.back:
            return
        product, facility = self.bench.world.products[sale.sku], STORES.get(sale.location, "WH")
        if sale.order_id is None:
            line = one_item.Line(
                product,
                sale.quantity,
                str(sale.placed["lines"][0]["id"]),
                self.bench.locations[sale.shop, sale.location],
                "HANDED_OVER",
                facility,
            )
            sale.order_id = one_item.take_in(self.db, sale.shop, str(sale.placed["id"]), [line])
            for sku, units in self.model.parts_of(sale.sku).items():
                self.model.move(sku, facility, qoh=-sale.quantity * units, atp=-sale.quantity * units)
        while sale.back_told < sale.back:
            sale.back_told += 1
            known = str(sale.back_told)
            assert one_item.refunded(self.db, sale.order_id, 1, 1, known)
            assert one_item.return_received(self.db, sale.order_id, 1, 1, facility, known)
            for sku, units in self.model.parts_of(sale.sku).items():
                self.model.move(sku, facility, qoh=units, atp=units)
        self.model.touch(sale.sku)

    def _till_sale(self, number: int) -> TillSale | None:
        sales = self.model.till_sales
        return sales[number % len(sales)] if sales else None

    def import_orders(self, shop: str) -> None:
        """A run of all imports of orders of a shop: afterwards the OMS knows what the shop does."""
        if shop not in self.shops:
            return
        with windows.import_of_orders(self.db, shop, "play", ("orders", "changes", "returns")):
            for number, order in enumerate(self.model.orders):
                if order.shop == shop:
                    self.take_in(number, order.stands_at)
                    self.tell(number)
            for number, sale in enumerate(self.model.till_sales):
                if sale.shop == shop:
                    self.take_in_till_sale(number)

    def _order(self, number: int) -> Order | None:
        orders = self.model.orders
        return orders[number % len(orders)] if orders else None

"""Tags of orders and products: set semantics, so that telling twice is telling once."""

from oms.shopify.outbox.kinds import Kind, Message, Proof, Request, register


def _request(message: Message) -> Request:
    """Payload: id (of an order or a product), and the tags to `add` or to `remove`."""
    given = message.payload
    if "add" in given:
        return Request("add_tags", {"id": given["id"], "tags": given["add"]})
    return Request("remove_tags", {"id": given["id"], "tags": given["remove"]})


TAG = register(
    Kind(
        name="TAG",
        proof=Proof.SET,
        about=("id",),
        request=_request,
        result=lambda payload: payload["node"] and payload["node"]["id"],
        is_ours=lambda payload, message: payload["node"] in (None, {"id": message.payload["id"]}),
    )
)

"""A line in the note of an order: `orderUpdate` replaces the note, so it is read, extended and written."""

from oms.shopify.errors import Rejected
from oms.shopify.outbox.kinds import Ask, Done, Kind, Message, Proof, Request, register


def _look(ask: Ask, message: Message) -> Request | Done:
    """Payload: id, `line`, and `about`: how all lines on the same matter begin; the last of them counts."""
    given = message.payload
    order = ask("note_of_order", {"id": given["id"]})["order"]
    if order is None:
        raise Rejected(f"order {given['id']} does not exist", "NOT_FOUND")
    note = order["note"] or ""
    same = [line for line in note.splitlines() if line.startswith(given.get("about", given["line"]))]
    if same and same[-1] == given["line"]:
        return Done(order["id"])
    before = note.rstrip("\n")
    return Request(
        "set_note", {"id": order["id"], "note": f"{before}\n{given['line']}" if before else given["line"]}
    )


NOTE = register(
    Kind(
        name="NOTE",
        proof=Proof.LOOK,
        about=("id",),
        look=_look,
        result=lambda payload: payload["order"] and payload["order"]["id"],
        is_ours=lambda payload, message: (
            payload["order"] is None or payload["order"]["id"] == message.payload["id"]
        ),
    )
)

"""What is simulated, known before anything runs: no mutation acts and then says NOT_SIMULATED."""

from typing import Any

from graphql import GraphQLError, GraphQLSchema, get_named_type, is_abstract_type, is_composite_type

from fakeshop.cost import Cost
from fakeshop.errors import not_simulated
from fakeshop.mutations import REGISTRY
from fakeshop.nodes.base import Node

PLAIN = {
    "AccessScope": {"handle", "description"},
    "App": {"id", "title"},
    "ApiVersion": {"handle", "displayName", "supported"},
    "Attribute": {"key", "value"},
    "Count": {"count", "precision"},
    "FulfillmentOrderAssignedLocation": {
        "name", "location", "address1", "address2", "city", "countryCode", "phone", "province", "zip",
    },
    "FulfillmentOrderSupportedAction": {"action", "externalUrl"},
    "FulfillmentTrackingInfo": {"company", "number", "url"},
    "InventoryChange": {"name", "delta", "ledgerDocumentUri", "quantityAfterChange", "item", "location"},
    "InventoryQuantity": {"id", "name", "quantity", "updatedAt"},
    "LocationAddress": {
        "address1", "address2", "city", "country", "countryCode", "phone", "province", "provinceCode", "zip",
        "formatted", "latitude", "longitude",
    },
    "MailingAddress": {
        "name", "firstName", "lastName", "company", "address1", "address2", "city", "province", "zip",
        "country", "countryCodeV2", "provinceCode", "phone",
    },
    "MoneyBag": {"shopMoney", "presentmentMoney"},
    "MoneyV2": {"amount", "currencyCode"},
    "OrderCancellation": {"staffNote"},
    "PageInfo": {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
    "StagedUploadParameter": {"name", "value"},
    "SelectedOption": {"name", "value"},
    "StagedMediaUploadTarget": {"url", "resourceUrl", "parameters"},
    "WebhookHttpEndpoint": {"callbackUrl"},
}  # fmt: skip
"""Types that are plain dictionaries, and their fields."""
NEVER = {
    "ExchangeLineItem", "OrderCancelUserError", "OrderEditSession", "ReturnDecline",
    "ReturnReasonDefinition", "StaffMember",
    "WebhookSubscriptionMetafieldIdentifier",
}  # fmt: skip
"""Types of which there is never a value here, so that their fields are never asked."""
PAGE = {"nodes", "edges", "pageInfo"}
EDGE = {"cursor", "node"}


def fields_of(schema: GraphQLSchema, type_: Any) -> set[str] | None:
    """Return the simulated fields of a type; None when nothing is known of it before it is asked."""
    name = type_.name
    if name in Node.CLASSES:
        return set(Node.CLASSES[name].FIELDS)
    if name in PLAIN:
        return PLAIN[name]
    if name.endswith("Connection"):
        return PAGE
    if name.endswith("Edge"):
        return EDGE
    if name in NEVER:
        return set(type_.fields)
    if is_abstract_type(type_):
        possible = schema.get_possible_types(type_)
        nodes = [one for one in possible if one.name in Node.CLASSES]
        known = [fields_of(schema, one) or set() for one in nodes or possible if fields_of(schema, one)]
        return set.intersection(*known) if known else None
    return None


def refusal(cost: Cost) -> GraphQLError | None:
    """Return why a mutation is refused before it runs: its first field that is not simulated."""
    root = cost.schema.mutation_type
    for field, _ in cost.fields(cost.operation.selection_set, root):
        name = field.name.value
        if name.startswith("__"):
            continue
        missing = f"Mutation.{name}" if name not in REGISTRY else _missing_of_payload(cost, field, root)
        if missing:
            problem = not_simulated(missing)
            alias = field.alias.value if field.alias else name
            return GraphQLError(problem.message, field, path=[alias], extensions=problem.extensions)
    return None


def _missing_of_payload(cost: Cost, field: Any, root: Any) -> str | None:
    name = field.name.value
    payload = get_named_type(root.fields[name].type)
    for one, _ in cost.fields(field.selection_set, payload):
        if one.name.value.startswith("__"):
            continue
        if one.name.value not in REGISTRY[name].empty and not one.name.value.endswith("serErrors"):
            return f"{payload.name}.{one.name.value}"
        inner = get_named_type(payload.fields[one.name.value].type)
        found = _missing(cost, one.selection_set, inner)
        if found:
            return found
    return None


def _missing(cost: Cost, selection: Any, type_: Any) -> str | None:
    for field, owner in cost.fields(selection, type_):
        name = field.name.value
        if name.startswith("__"):
            continue
        known = fields_of(cost.schema, owner)
        if known is not None and name not in known:
            return f"{owner.name}.{name}"
        inner = get_named_type(owner.fields[name].type)
        found = _missing(cost, field.selection_set, inner) if is_composite_type(inner) else None
        if found:
            return found
    return None

"""The root fields of mutations: a registry, and what every one of them goes through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLResolveInfo, StringValueNode, VariableNode

from fakeshop import idempotency
from fakeshop.errors import AdminError, bad_request, not_simulated
from fakeshop.nodes.base import Context
from fakeshop.queries import by_gid
from fakeshop.scopes import NEEDED

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Mutation:
    """A simulated mutation. ``empty`` is its payload without a result; ``check`` comes before the key."""

    run: Callable[..., Outcome]
    empty: Outcome
    needs_key: bool = False
    check: Callable[[dict[str, Any]], None] | None = None


REGISTRY: dict[str, Mutation] = {}


def mutation(
    name: str, *fields: str, needs_key: bool = False, check: Callable[[dict[str, Any]], None] | None = None
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a function (context, **arguments) -> payload; ``fields`` are null on failure."""

    def register(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
        REGISTRY[name] = Mutation(run, dict.fromkeys(fields), needs_key, check)
        return run

    return register


def ref(gid: str) -> dict[str, str]:
    """Refer to a record in a payload: it is read when the payload is shown, also when it is replayed."""
    return {"$ref": gid}


def shown(ctx: Context, value: Any) -> Any:
    """Replace the references of a payload by the records as they are now."""
    if isinstance(value, list):
        return [shown(ctx, one) for one in value]
    if isinstance(value, dict):
        if "$ref" in value:
            return by_gid(ctx, value["$ref"])
        return {name: shown(ctx, one) for name, one in value.items()}
    return value


def key_of(field: FieldNode, variables: dict[str, Any]) -> str | None:
    """Return the idempotency key written on a field; None when there is none."""
    for directive in field.directives or ():
        if directive.name.value == "idempotent":
            value = directive.arguments[0].value
            if isinstance(value, VariableNode):
                return variables.get(value.name.value)
            return value.value if isinstance(value, StringValueNode) else None
    return None


def root_field(ctx: Context, info: GraphQLResolveInfo, **args: Any) -> Any:
    """Resolve a root field of a mutation: scope, required arguments, key, rules, durable commit."""
    name = info.field_name
    chosen = REGISTRY.get(name)
    if name in NEEDED:
        ctx.need(name, NEEDED[name])
    if chosen is None:
        raise not_simulated(f"Mutation.{name}")
    if chosen.check:
        chosen.check(args)
    key = key_of(info.field_nodes[0], info.variable_values.coerced)
    if key is None and chosen.needs_key:
        raise bad_request("The @idempotent directive is required for this mutation but was not provided.")
    if key is not None and not key.strip():
        raise bad_request("The idempotency key can't be blank.")
    try:
        outcome = chosen.run(ctx, **args) if key is None else idempotency.run(ctx, name, chosen, args, key)
    finally:
        if not ctx.defer_commit:
            ctx.shop.commit()
    return shown(ctx, outcome)


def wrong_type(given: str) -> AdminError:
    """Refuse an id of another type (row 99)."""
    return AdminError("RESOURCE_NOT_FOUND", f"invalid id: {given}")

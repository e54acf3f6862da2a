"""One GraphQL request from text to answer, in the order of checks of shopify.md 7.9."""

from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, OperationDefinitionNode
from graphql.execution import Executor, execute_root_selection_set
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.values import VariableValues, get_argument_values

from fakeshop import mutations, queries, schema, simulated
from fakeshop.cost import MAXIMUM, Cost
from fakeshop.documents import Documents, Prepared
from fakeshop.errors import LIMITS_PAGE
from fakeshop.mutations import bulk, edits, fulfillment, inventory, key_of, orders, returns, webhooks
from fakeshop.nodes.base import Context, resolve, type_of
from fakeshop.variables import Coercion

INPUT_LIMIT = 250
SIMULATED = (
    bulk,
    edits,
    fulfillment,
    inventory,
    orders,
    returns,
    webhooks,
)  # importing these modules registers their mutations


@dataclass
class Planned:
    """A request that may be executed: checked, with its variables and its price."""

    prepared: Prepared
    operation: OperationDefinitionNode
    variables: VariableValues
    cost: Cost
    requested: int
    fields: list[Any] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Names by which faults and logs find the request: the operation's and its root fields'."""
        roots = {one.name.value for one in self.fields}
        return roots | ({self.operation.name.value} if self.operation.name else set())

    def idempotency_keys(self) -> list[str]:
        """Return the idempotency keys of the root fields."""
        return [key for one in self.fields if (key := key_of(one, self.variables.coerced)) is not None]


class Api:
    """One version of the Admin API."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.schema = schema.load(version)
        self.documents = Documents(self.schema)
        self.coercion = Coercion(self.schema)

    def plan(self, text: str, given: dict[str, Any], name: str | None) -> Planned | list[dict[str, Any]]:
        """Check a request without touching the shop; return it, or the top-level errors."""
        prepared = self.documents.prepare(text)
        if prepared.errors:
            return prepared.errors
        operation = chosen_operation(prepared, name)
        if isinstance(operation, str):
            return [{"message": operation, "extensions": {"code": "BAD_REQUEST"}}]
        variables, errors = self.coercion.variables(operation, given)
        if errors:
            return errors
        cost = Cost(self.schema, operation, prepared.fragments, variables.coerced)
        root = self.schema.get_root_type(operation.operation)
        fields = [one for one, _ in cost.fields(operation.selection_set, root)]
        return Planned(prepared, operation, variables, cost, cost.requested(), fields)

    def oversized(self, planned: Planned) -> dict[str, Any] | None:
        """Refuse input arrays of more than 250 elements (row 27)."""
        root = self.schema.get_root_type(planned.operation.operation)
        for one in planned.fields:
            definition = root.fields.get(one.name.value)
            if definition is None or not one.arguments:
                continue
            args = get_argument_values(definition, one, planned.variables)
            found = too_long(args, [one.name.value])
            if found:
                path, size = found
                message = (
                    f"The input array size of {size} is greater than the maximum allowed of {INPUT_LIMIT}."
                )
                at = one.loc.start_token
                return {
                    "message": message,
                    "locations": [{"line": at.line, "column": at.column}],
                    "path": path,
                    "extensions": {"code": "MAX_INPUT_SIZE_EXCEEDED"},
                }
        return None

    def execute(self, ctx: Context, planned: Planned) -> dict[str, Any]:
        """Execute; return ``data`` and ``errors``."""
        ctx.api = self
        if planned.operation.operation.value == "mutation":
            refused = simulated.refusal(planned.cost)
            if refused is not None:
                return {"errors": [refused.formatted], "data": nothing(planned)}
        fragments = planned.prepared.fragments
        executor = Executor(
            self.schema,
            fragments,
            {name: FragmentDetails(node, None) for name, node in fragments.items()},
            ROOT,
            ctx,
            planned.operation,
            planned.variables,
            field_resolver,
            type_of,
            field_resolver,
            is_awaitable=assume_not_awaitable,
        )
        result = execute_root_selection_set(executor)
        answer: dict[str, Any] = {}
        if result.errors:
            answer["errors"] = [formatted(error) for error in result.errors]
        answer["data"] = result.data
        if result.data is None:
            answer["data"] = None if bad_page(planned, answer["errors"]) else nothing(planned)
        return answer


def bad_page(planned: Planned, errors: list[dict[str, Any]]) -> bool:
    """Say whether a query was refused for the way it pages: then there are no data at all (row 95)."""
    codes = {error.get("extensions", {}).get("code") for error in errors}
    return planned.operation.operation.value == "query" and "BAD_REQUEST" in codes


def nothing(planned: Planned) -> dict[str, None]:
    """Return the answer of a request whose fields all came to nothing."""
    return {alias_of(one): None for one in planned.fields}


class Root:
    """The value of the query and mutation roots."""


ROOT = Root()


def field_resolver(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
    """Resolve a field; root fields go through scopes and, for mutations, keys."""
    if source is ROOT:
        module = mutations if info.parent_type.name == "Mutation" else queries
        return module.root_field(info.context, info, **args)
    return resolve(source, info, **args)


def alias_of(one: Any) -> str:
    """Return the name of a field in the answer."""
    return one.alias.value if one.alias else one.name.value


def formatted(error: GraphQLError) -> dict[str, Any]:
    """Format an error of a field; one that is no AdminError is a bug of the local shop and stays loud."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    return error.formatted


def chosen_operation(prepared: Prepared, name: str | None) -> OperationDefinitionNode | str:
    """Return the operation to execute, or what is wrong."""
    if name:
        found = [one for one in prepared.operations if one.name and one.name.value == name]
        return found[0] if found else f'No operation named "{name}"'
    if len(prepared.operations) != 1:
        return "An operation name is required"
    return prepared.operations[0]


def too_long(value: Any, path: list[str]) -> tuple[list[str], int] | None:
    """Find an array that is too long, among the arguments and their fields."""
    if isinstance(value, list):
        return (path, len(value)) if len(value) > INPUT_LIMIT else None
    if isinstance(value, dict):
        for name, one in value.items():
            found = too_long(one, [*path, name])
            if found:
                return found
    return None


def too_dear(cost: int) -> dict[str, Any]:
    """Refuse a request over 1,000 points (row 92)."""
    return {
        "message": f"Query cost is {cost}, which exceeds the single query max cost limit ({MAXIMUM}).\n\n"
        f"See {LIMITS_PAGE} for more information on how the cost of a query is calculated.",
        "extensions": {
            "code": "MAX_COST_EXCEEDED",
            "cost": cost,
            "maxCost": MAXIMUM,
            "documentation": LIMITS_PAGE,
        },
    }


def throttled() -> dict[str, Any]:
    """Say that the bucket is too low (row 91)."""
    return {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS_PAGE}}

"""Coercion of variables, compiled once for each input type, with the Admin API's way of complaining."""

import json
import re
from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    type_from_ast,
    value_from_ast,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

from fakeshop.gids import is_gid

Path = tuple[str | int, ...]
Problems = list[tuple[Path, str]]
Coerce = Callable[[Any, Path, Problems], Any]
INT_LIMIT = 2**31
NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?\Z")


class Coercion:
    """Compiled coercers of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._named: dict[str, Coerce] = {}

    def variables(
        self, operation: OperationDefinitionNode, given: dict[str, Any]
    ) -> tuple[VariableValues, list[dict[str, Any]]]:
        """Coerce the variables of a request; return them, or the errors (code INVALID_VARIABLE)."""
        coerced: dict[str, Any] = {}
        sources: dict[str, VariableValueSource] = {}
        errors: list[dict[str, Any]] = []
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            type_ = type_from_ast(self.schema, definition.type)
            signature = get_variable_signature(self.schema, definition)
            if name not in given:
                if definition.default_value is not None:
                    coerced[name] = value_from_ast(definition.default_value, type_)
                    sources[name] = VariableValueSource(signature)
                    continue
                if not isinstance(type_, GraphQLNonNull):
                    continue
            value = given.get(name)
            problems: Problems = []
            coerced[name] = self.coercer(type_)(value, (), problems)
            sources[name] = VariableValueSource(signature, value)
            if problems:
                errors.append(complaint(name, type_, value, problems, definition))
        return VariableValues(sources, coerced), errors

    def coercer(self, type_: GraphQLInputType) -> Coerce:
        """Return the function that coerces values of a type."""
        if isinstance(type_, GraphQLNonNull):
            return non_null(self.coercer(type_.of_type))
        inner = self._list(type_.of_type) if isinstance(type_, GraphQLList) else self._of_name(type_)
        return nullable(inner)

    def _list(self, type_: GraphQLInputType) -> Coerce:
        item = self.coercer(type_)

        def coerce(value: Any, path: Path, problems: Problems) -> list[Any]:
            values = value if isinstance(value, list) else [value]
            return [item(one, (*path, index), problems) for index, one in enumerate(values)]

        return coerce

    def _of_name(self, type_: Any) -> Coerce:
        found = self._named.get(type_.name)
        if found is None:
            # registered before it is built: input types may contain themselves
            self._named[type_.name] = lambda *args: self._named[type_.name](*args)
            if isinstance(type_, GraphQLInputObjectType):
                found = self._object(type_)
            elif isinstance(type_, GraphQLEnumType):
                found = enum(type_)
            else:
                found = SCALARS.get(type_.name) or scalar(type_)
            self._named[type_.name] = found
        return found

    def _object(self, type_: GraphQLInputObjectType) -> Coerce:
        fields: dict[str, Coerce] = {}
        required: list[str] = []
        defaults: dict[str, Any] = {}
        for name, field in type_.fields.items():
            fields[name] = self.coercer(field.type)
            default = default_of(field)
            if default is not Undefined:
                defaults[name] = default
            elif isinstance(field.type, GraphQLNonNull):
                required.append(name)

        def coerce(value: Any, path: Path, problems: Problems) -> dict[str, Any]:
            if not isinstance(value, dict):
                problems.append((path, f"Expected {json.dumps(value)} to be a key-value object."))
                return {}
            answer = dict(defaults) if defaults else {}
            for name, one in value.items():
                field = fields.get(name)
                if field is None:
                    problems.append(((*path, name), f"Field is not defined on {type_.name}"))
                else:
                    answer[name] = field(one, (*path, name), problems)
            for name in required:
                if name not in value:
                    problems.append(((*path, name), "Expected value to not be null"))
            return answer

        return coerce


def default_of(field: Any) -> Any:
    """Return the default of an input field as a value; Undefined when there is none."""
    default = field.default
    if default is None:
        return Undefined
    if default.literal is not None:
        return value_from_ast(default.literal, field.type)
    return default.value


def non_null(inner: Coerce) -> Coerce:
    """Refuse null."""

    def coerce(value: Any, path: Path, problems: Problems) -> Any:
        if value is None:
            problems.append((path, "Expected value to not be null"))
            return None
        return inner(value, path, problems)

    return coerce


def nullable(inner: Coerce) -> Coerce:
    """Let null through."""

    def coerce(value: Any, path: Path, problems: Problems) -> Any:
        return None if value is None else inner(value, path, problems)

    return coerce


def enum(type_: GraphQLEnumType) -> Coerce:
    """Accept the names of an enum."""
    names = frozenset(type_.values)

    def coerce(value: Any, path: Path, problems: Problems) -> Any:
        if type(value) is not str or value not in names:
            problems.append((path, f'Expected "{value}" to be one of: {", ".join(type_.values)}'))
        return value

    return coerce


def integer(value: Any, path: Path, problems: Problems) -> Any:
    """Accept 32-bit whole numbers."""
    if type(value) is int and -INT_LIMIT <= value < INT_LIMIT:
        return value
    problems.append((path, f"Could not coerce value {json.dumps(value)} to Int"))
    return value


def text(value: Any, path: Path, problems: Problems) -> Any:
    """Accept strings."""
    if type(value) is str:
        return value
    problems.append((path, f"Could not coerce value {json.dumps(value)} to String"))
    return value


def global_id(value: Any, path: Path, problems: Problems) -> Any:
    """Accept global ids."""
    if type(value) is str and is_gid(value):
        return value
    problems.append((path, f"Invalid global id '{value}'"))
    return value


def scalar(type_: GraphQLScalarType) -> Coerce:
    """Accept what graphql-core accepts for a scalar (Boolean, Float, and custom ones as they come)."""

    def coerce(value: Any, path: Path, problems: Problems) -> Any:
        try:
            return type_.parse_value(value)
        except GraphQLError:
            problems.append((path, f"Could not coerce value {json.dumps(value)} to {type_.name}"))
            return value

    return coerce


def decimal(type_: str) -> Coerce:
    """Accept numbers and texts that are one."""

    def coerce(value: Any, path: Path, problems: Problems) -> Any:
        if type(value) in (str, int, float) and NUMBER.match(str(value)):
            return value
        problems.append((path, f"Could not coerce value {json.dumps(value)} to {type_}"))
        return value

    return coerce


SCALARS: dict[str, Coerce] = {
    "Int": integer,
    "String": text,
    "ID": global_id,
    "Money": decimal("Money"),
    "Decimal": decimal("Decimal"),
}


def complaint(name: str, type_: Any, value: Any, problems: Problems, definition: Any) -> dict[str, Any]:
    """Word an invalid variable (shopify.md 7.1, row 16)."""
    message = f"Variable ${name} of type {type_} was provided invalid value"
    told = [f"{'.'.join(map(str, path))} ({why})" for path, why in problems if path]
    if told:
        message += f" for {', '.join(told)}"
    entry: dict[str, Any] = {"message": message}
    if definition.loc:
        start = definition.loc.start_token
        entry["locations"] = [{"line": start.line, "column": start.column}]
    entry["extensions"] = {
        "code": "INVALID_VARIABLE",
        "value": value,
        "problems": [{"path": list(path), "explanation": why} for path, why in problems],
    }
    return entry

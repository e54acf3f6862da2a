"""Bulk operations, jobs, webhook subscriptions, the shop itself and its app."""

from typing import Any

from fakeshop.gids import gid
from fakeshop.nodes.base import Node
from fakeshop.nodes.orders import OrderNode
from fakeshop.records import Order
from fakeshop.schema import versions
from fakeshop.search import Fields, Filter

URL_LIFE = 604_800


class BulkOperationNode(Node):
    """A bulk operation."""

    attributes = "status type errorCode"
    times = "createdAt completedAt"

    def id(self) -> str:
        return gid("BulkOperation", self.it.id)

    def query(self) -> str:
        return self.it.text

    def fileSize(self) -> str | None:
        return None if self.it.file_size is None else str(self.it.file_size)

    def objectCount(self) -> str:
        return str(self.it.objects)

    def rootObjectCount(self) -> str:
        return str(self.it.roots)

    def url(self) -> str | None:
        return None if self.it.partial else self._address()

    def partialDataUrl(self) -> str | None:
        return self._address() if self.it.partial else None

    def _address(self) -> str | None:
        if self.it.file is None:
            return None
        expires = self.it.completed + URL_LIFE
        return f"{self.ctx.base_url}/_storage/{self.ctx.shop.handle}/{self.it.file}?Expires={expires}"


class JobNode(Node):
    """An asynchronous job."""

    def id(self) -> str:
        return gid("Job", self.it.uuid)

    def done(self) -> bool:
        return self.ctx.shop.clock.precise() >= self.it.done_at


class OrderCancelJobResultNode(Node):
    """The result of cancelling an order (2026-10)."""

    def id(self) -> str:
        return gid("OrderCancelJobResult", self.it.id)

    def done(self) -> bool:
        return self.ctx.shop.clock.precise() >= self.it.done_at

    def status(self) -> str:
        return "SUCCEEDED" if self.done() else "STARTED"

    def errors(self) -> list[Any]:
        return []

    def order(self) -> Any:
        return OrderNode(self.ctx, self.ctx.shop.get(Order, self.it.order))


class WebhookSubscriptionNode(Node):
    """A webhook subscription."""

    attributes = "topic uri filter includeFields metafieldNamespaces name"
    times = "createdAt updatedAt"

    def id(self) -> str:
        return gid("WebhookSubscription", self.it.id)

    def legacyResourceId(self) -> str:
        return str(self.it.id)

    def callbackUrl(self) -> str:
        return self.it.uri

    def endpoint(self) -> dict[str, Any]:
        return {"__typename": "WebhookHttpEndpoint", "callbackUrl": self.it.uri}

    def format(self) -> str:
        return "JSON"

    def metafields(self) -> list[Any]:
        return []

    def apiVersion(self) -> dict[str, Any]:
        return api_version(self.it.version)


class ShopNode(Node):
    """The shop."""

    def id(self) -> str:
        return gid("Shop", self.ctx.shop.number)

    def name(self) -> str:
        return self.ctx.shop.settings.name

    def myshopifyDomain(self) -> str:
        return self.ctx.shop.settings.domain

    def currencyCode(self) -> str:
        return self.ctx.shop.settings.currency

    def ianaTimezone(self) -> str:
        return "Etc/UTC"

    def url(self) -> str:
        return f"https://{self.ctx.shop.settings.domain}"


class AppInstallationNode(Node):
    """The app whose token asks."""

    def id(self) -> str:
        return gid("AppInstallation", self.ctx.app.id)

    def accessScopes(self) -> list[dict[str, Any]]:
        return [{"handle": scope, "description": scope} for scope in sorted(self.ctx.scopes)]

    def app(self) -> dict[str, Any]:
        return {"id": gid("App", self.ctx.app.id), "title": self.ctx.app.client_id}


def api_version(handle: str) -> dict[str, Any]:
    """Return an ApiVersion."""
    return {"handle": handle, "displayName": handle, "supported": handle in versions()}


def bulk_fields() -> Fields:
    """Return the filters of bulk operations."""
    return Fields(
        {
            "created_at": Filter("time", lambda operation: operation.created),
            "completed_at": Filter("time", lambda operation: operation.completed),
            "id": Filter("id", lambda operation: operation.id),
            "operation_type": Filter("exact", lambda operation: operation.type),
            "status": Filter("exact", lambda operation: operation.status),
        }
    )


def bulk_value(sort_key: str) -> Any:
    """Return what bulk operations are sorted by."""
    if sort_key == "COMPLETED_AT":
        return lambda operation: operation.completed or 0
    return lambda operation: operation.created


def count(number: int) -> dict[str, Any]:
    """Return a Count (limit 10,000)."""
    limit = 10_000
    return {"count": min(number, limit), "precision": "EXACT" if number <= limit else "AT_LEAST"}

"""The inbox of webhooks, as far as its topics have it in common."""

from oms.database import statements

sql = statements(__file__)

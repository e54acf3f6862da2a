"""What Shopify or a person is told, stock levels apart: planned with its decision, proven when it was sent.

A topic plans messages of its kinds (`messages.plan`) in the transaction of its decision; a task sends them
afterwards (`sending.send`); a person has the last word on what cannot be proven (`deciding`). The rules
are in spec orders-addendum.md I.
"""

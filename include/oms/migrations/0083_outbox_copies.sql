-- A restored or copied database sends no message: the one it was made from may have sent it.
-- Source: spec orders-addendum.md I.

create index outbox_answered on oms.outbox_message (answered_at);

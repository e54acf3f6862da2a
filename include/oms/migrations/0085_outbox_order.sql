-- Many open messages of a shop are looked through in the order of their planning.
-- Source: spec orders-addendum.md I.

drop index oms.outbox_open;
create index outbox_open on oms.outbox_message (coalesce(shop_id, ''), number)
    where status in ('PLANNED', 'SENT', 'UNKNOWN');

-- What tells a shipment that comes again from one that has changed. Source: spec inventory.md 5.8 (idempotency).

alter table oms.shipment add column content jsonb;
comment on column oms.shipment.content is 'What its last file said of it, lines in order; equal: it is the same again.';

-- Restocks that are received and shown in the shop at a set time.
-- Source: spec inventory.md 1.2, 5.13.

create table oms.scheduled_restock (
    shipment_id         bigint primary key references oms.shipment,
    restock_name        text not null,
    shop_id             text collate "C" not null references oms.shop,
    product_store_id    text collate "C" not null references oms.product_store,
    run_at              timestamptz not null,
    status              text not null default 'PENDING'
                        check (status in ('PENDING', 'RECEIVED', 'DONE', 'CANCELLED')),
    source_key          text collate "C" not null unique,
    prepared_by         text not null,
    prepared_at         timestamptz not null default now(),
    received_at         timestamptz,
    received_by         text,
    finished_at         timestamptz,
    attempts            integer not null default 0,
    next_attempt_at     timestamptz,
    error               text,
    check ((status in ('RECEIVED', 'DONE')) = (received_at is not null)),
    check ((status in ('DONE', 'CANCELLED')) = (finished_at is not null))
);
comment on table oms.scheduled_restock is 'An incoming shipment that is received and pushed to its shop at a set time (inventory.md 5.13).';
comment on column oms.scheduled_restock.status is 'PENDING: may be changed. RECEIVED: in the ledger, with its lines in the books; the shop has not answered for all of them. DONE: both.';
comment on column oms.scheduled_restock.run_at is 'When it is due; given in the time zone of the product store.';
comment on column oms.scheduled_restock.source_key is 'Content of the file, place, time and name: the same file again prepares nothing.';
comment on column oms.scheduled_restock.next_attempt_at is 'Not before that after an attempt that failed.';
create index scheduled_restock_open on oms.scheduled_restock (run_at) where status in ('PENDING', 'RECEIVED');

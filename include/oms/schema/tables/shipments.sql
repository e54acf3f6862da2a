-- Goods on their way: transfers, purchases, returns, packed orders, restocks.

create table oms.shipment_type (
    shipment_type_id text collate "C" primary key,
    is_incoming      boolean not null,
    description      text not null
);
comment on table oms.shipment_type is 'Kinds of shipments; an incoming one is received at its destination.';
insert into oms.shipment_type values
    ('IN_TRANSFER',       true,  'Transfer order, seen from the store that receives it'),
    ('PURCHASE_SHIPMENT', true,  'Purchase order on its way from a supplier'),
    ('SALES_RETURN',      true,  'Return of a customer'),
    ('INCOMING_SHIPMENT', true,  'Goods announced without an order, such as a scheduled restock'),
    ('OUT_TRANSFER',      false, 'Transfer order, seen from the place that ships it'),
    ('SALES_SHIPMENT',    false, 'Order of a customer');

create table oms.shipment (
    shipment_id             bigint generated always as identity (start with 10000) primary key,
    shipment_type_id        text collate "C" not null references oms.shipment_type,
    external_id             text collate "C" check (external_id <> ''),
    status                  text not null default 'INPUT'
                            check (status in ('INPUT', 'APPROVED', 'PACKED', 'SHIPPED', 'RECEIVED', 'CANCELLED')),
    origin_facility_id      text collate "C" references oms.facility,
    destination_facility_id text collate "C" references oms.facility,
    supplier_id             text collate "C",
    order_id                bigint references oms.order_header,
    log_id                  bigint references oms.import_log on delete set null,
    created_at              timestamptz not null default now(),
    packed_at               timestamptz,
    shipped_at              timestamptz,
    received_at             timestamptz,
    content                 jsonb,
    unique (shipment_type_id, external_id),
    check ((status = 'RECEIVED') = (received_at is not null))
);
comment on table oms.shipment is 'Goods on their way, or made ready for it. No stock moves by being here: receiving, packing and shipping write the ledger.';
comment on column oms.shipment.external_id is 'Id in the ERP, such as the item fulfilment of NetSuite; one shipment of a type for each.';
comment on column oms.shipment.status is 'RECEIVED: every unit was accepted or rejected; a shipment received in part is still SHIPPED.';
comment on column oms.shipment.order_id is 'The one order that a sales shipment is about.';
comment on column oms.shipment.log_id is 'The file that last changed it.';
comment on column oms.shipment.content is 'What its last file said of it, lines in order; equal: it is the same again.';
create index shipment_waiting on oms.shipment (status, shipment_id) where status in ('INPUT', 'APPROVED', 'PACKED', 'SHIPPED');
create index shipment_order on oms.shipment (order_id) where order_id is not null;

create table oms.shipment_item (
    shipment_id       bigint not null references oms.shipment,
    shipment_item_seq integer not null check (shipment_item_seq > 0),
    product_id        bigint not null references oms.product,
    quantity          integer not null check (quantity > 0),
    external_id       text collate "C",
    external_order_id text collate "C",
    serial_number     text collate "C",
    order_id          bigint,
    order_item_seq    integer,
    primary key (shipment_id, shipment_item_seq),
    foreign key (order_id, order_item_seq) references oms.order_item
);
comment on table oms.shipment_item is 'Units of one product in a shipment.';
comment on column oms.shipment_item.external_id is 'Line of the order in the ERP; two lines of a shipment may name the same.';
comment on column oms.shipment_item.external_order_id is 'Transfer or purchase order in the ERP.';
create index shipment_item_product on oms.shipment_item (product_id);
create index shipment_item_order on oms.shipment_item (order_id, order_item_seq) where order_id is not null;

create table oms.shipment_package (
    shipment_id     bigint not null references oms.shipment,
    package_seq     integer not null check (package_seq > 0),
    tracking_number text,
    carrier         text,
    primary key (shipment_id, package_seq)
);
comment on table oms.shipment_package is 'Parcels of a shipment; without a tracking number where the carrier needs none.';

create table oms.shipment_attribute (
    shipment_id bigint not null references oms.shipment,
    attr_name   text collate "C" not null check (attr_name <> ''),
    attr_value  text not null,
    primary key (shipment_id, attr_name)
);
comment on table oms.shipment_attribute is 'What the sender said of a shipment beyond its columns, such as EXTERNAL_ORDER_ID.';

create table oms.shipment_receipt (
    shipment_id       bigint not null,
    shipment_item_seq integer not null,
    receipt_no        integer not null check (receipt_no > 0),
    quantity_accepted integer not null check (quantity_accepted >= 0),
    quantity_rejected integer not null default 0 check (quantity_rejected >= 0),
    reason_id         text collate "C" not null references oms.reason,
    received_at       timestamptz not null default now(),
    received_by       text not null,
    primary key (shipment_id, shipment_item_seq, receipt_no),
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item,
    check (quantity_accepted + quantity_rejected > 0)
);
comment on table oms.shipment_receipt is 'What was accepted and rejected of an item, append-only; a repeated receipt number is the same receipt. Accepted units are in the ledger under {shipment}:{item}:{receipt}.';

create table oms.shipment_order_item (
    order_id          bigint not null,
    order_item_seq    integer not null,
    shipment_id       bigint not null,
    shipment_item_seq integer not null,
    quantity          integer not null check (quantity > 0),
    primary key (shipment_id, order_id, order_item_seq),
    foreign key (order_id, order_item_seq) references oms.order_item,
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.shipment_order_item is 'Which order items a shipment item sums up: exploded items of one product are packed as one (INV-27).';
create index shipment_order_item_order on oms.shipment_order_item (order_id, order_item_seq);

create table oms.shipment_item_part (
    shipment_id       bigint not null,
    shipment_item_seq integer not null,
    product_id        bigint not null references oms.product,
    quantity          integer not null check (quantity > 0),
    primary key (shipment_id, shipment_item_seq, product_id),
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.shipment_item_part is 'The components that left the shelf with a packed kit, as they were reserved; other items have none.';

create table oms.depletion_line (
    shipment_id       bigint not null,
    shipment_item_seq integer not null,
    event             text not null check (event in ('PACKED', 'UNPACKED')),
    export_id         bigint not null references oms.export_file,
    primary key (shipment_id, shipment_item_seq, event),
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.depletion_line is 'What the POS was told of packed units, once each: taken off its stock, or put back by force.';

create table oms.scheduled_restock (
    shipment_id      bigint primary key references oms.shipment,
    restock_name     text not null,
    shop_id          text collate "C" not null references oms.shop,
    product_store_id text collate "C" not null references oms.product_store,
    run_at           timestamptz not null,
    status           text not null default 'PENDING'
                     check (status in ('PENDING', 'RECEIVED', 'DONE', 'CANCELLED')),
    source_key       text collate "C" not null,
    prepared_by      text not null,
    prepared_at      timestamptz not null default now(),
    received_at      timestamptz,
    received_by      text,
    finished_at      timestamptz,
    attempts         integer not null default 0,
    next_attempt_at  timestamptz,
    error            text,
    file_key         text collate "C",
    check ((status in ('RECEIVED', 'DONE')) = (received_at is not null)),
    check ((status in ('DONE', 'CANCELLED')) = (finished_at is not null))
);
comment on table oms.scheduled_restock is 'An incoming shipment that is received and pushed to its shop at a set time (inventory.md 5.13).';
comment on column oms.scheduled_restock.status is 'PENDING: may be changed. RECEIVED: in the ledger, with its lines in the books; the shop has not answered for all of them. DONE: both.';
comment on column oms.scheduled_restock.run_at is 'When it is due; given in the time zone of the product store.';
comment on column oms.scheduled_restock.source_key is 'Content of the file, place, time and name: the same file again prepares nothing.';
comment on column oms.scheduled_restock.next_attempt_at is 'Not before that after an attempt that failed.';
comment on column oms.scheduled_restock.file_key is 'The file as it lies on SFTP, and what it says of this restock; null once the file is moved away. A time without a date would be that of the next day when a run that was broken off is repeated.';
create index scheduled_restock_open on oms.scheduled_restock (run_at) where status in ('PENDING', 'RECEIVED');
create unique index scheduled_restock_once on oms.scheduled_restock (source_key) where status <> 'CANCELLED';

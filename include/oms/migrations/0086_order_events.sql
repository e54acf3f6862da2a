-- States of orders, items and sales shipments: the moves that are allowed, and what has happened to an order.
-- Sources: spec orders.md 1.2, 1.3; orders-addendum.md B.2, C.

create table oms.state_move (
    subject            text collate "C" not null check (subject in ('ORDER', 'ITEM', 'SHIPMENT')),
    old_state          text collate "C" not null,
    new_state          text collate "C" not null,
    happens            text not null,
    primary key (subject, old_state, new_state),
    check (old_state <> new_state)
);
comment on table oms.state_move is 'Moves between states that are allowed, and when they happen; an event of any other is refused (orders.md 1.2).';
insert into oms.state_move (subject, old_state, new_state, happens) values
    ('ORDER',    'CREATED',   'APPROVED',  'approved'),
    ('ORDER',    'APPROVED',  'HOLD',      'a person holds it'),
    ('ORDER',    'HOLD',      'APPROVED',  'a person lets it go on'),
    ('ORDER',    'CREATED',   'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'APPROVED',  'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'HOLD',      'COMPLETED', 'its last open item is finished, and one was handed over'),
    ('ORDER',    'CANCELLED', 'COMPLETED', 'emptied, and an item that was handed over is added'),
    ('ORDER',    'CREATED',   'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'APPROVED',  'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'HOLD',      'CANCELLED', 'its last item is cancelled'),
    ('ORDER',    'CANCELLED', 'APPROVED',  'emptied, not cancelled, and it gets open items (C)'),
    ('ORDER',    'COMPLETED', 'APPROVED',  'it gets open items (C)'),
    ('ITEM',     'CREATED',   'APPROVED',  'with its order'),
    ('ITEM',     'CREATED',   'COMPLETED', 'handed over'),
    ('ITEM',     'APPROVED',  'COMPLETED', 'handed over'),
    ('ITEM',     'CREATED',   'CANCELLED', 'nothing of it is left'),
    ('ITEM',     'APPROVED',  'CANCELLED', 'nothing of it is left'),
    ('SHIPMENT', 'INPUT',     'APPROVED',  'picked'),
    ('SHIPMENT', 'APPROVED',  'PACKED',    'packed'),
    ('SHIPMENT', 'PACKED',    'SHIPPED',   'handed to the carrier'),
    ('SHIPMENT', 'INPUT',     'CANCELLED', 'given up'),
    ('SHIPMENT', 'APPROVED',  'CANCELLED', 'given up'),
    ('SHIPMENT', 'PACKED',    'CANCELLED', 'unpacked where the store allows it, or by force (orders.md 13)');

create table oms.order_event (
    event_id           bigint generated always as identity primary key,
    order_id           bigint not null references oms.order_header,
    order_item_seq     integer,
    shipment_id        bigint,
    kind               text collate "C" not null check (kind in ('STATE', 'QUANTITY', 'ADDRESS', 'FACILITY')),
    old                text,
    new                text,
    cause              text not null,
    run_id             text default nullif(current_setting('oms.run_id', true), ''),
    tx                 xid8 not null default pg_current_xact_id(),
    at                 timestamptz not null default now(),
    moved              text collate "C" generated always as (case when kind = 'STATE' then case
                           when shipment_id is not null then 'SHIPMENT'
                           when order_item_seq is not null then 'ITEM'
                           else 'ORDER' end end) stored,
    check (kind <> 'STATE' or (old is not null and new is not null)),
    check (old is distinct from new),
    foreign key (moved, old, new) references oms.state_move (subject, old_state, new_state)
);
comment on table oms.order_event is 'What has happened to an order, append-only: its states, units, addresses and facilities (orders.md 1.3).';
comment on column oms.order_event.order_item_seq is 'The item; null: the order itself, or a shipment of it.';
comment on column oms.order_event.old is 'STATE: the state; QUANTITY: the units not cancelled; FACILITY: where the item stood; ADDRESS: the number of the address.';
comment on column oms.order_event.cause is 'What was done, in a word or two.';
comment on column oms.order_event.run_id is 'The run of the job, where one was at work.';
comment on column oms.order_event.moved is 'Of kind STATE: whose state, to be checked against the allowed moves.';
create index order_event_order on oms.order_event (order_id, event_id);

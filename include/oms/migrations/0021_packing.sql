-- Packed orders: units that leave the shelf when they are packed, and what the POS was told of it.
-- Sources: spec inventory.md 5.19; orders.md 6.9, 7.1, 13.

alter table oms.product_store add column lock_packed_orders boolean not null default true;
comment on column oms.product_store.lock_packed_orders is 'A packed order can be neither unpacked nor rejected (orders.md 13).';

alter table oms.order_item
    add column issued_quantity integer not null default 0 check (issued_quantity between 0 and quantity);
comment on column oms.order_item.issued_quantity is 'Units of an open item that left QOH when they were packed (deplete_on_pack): neither reserved nor demand.';

create table oms.shipment_order_item (
    order_id           bigint not null,
    order_item_seq     integer not null,
    shipment_id        bigint not null,
    shipment_item_seq  integer not null,
    quantity           integer not null check (quantity > 0),
    primary key (shipment_id, order_id, order_item_seq),
    foreign key (order_id, order_item_seq) references oms.order_item,
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.shipment_order_item is 'Which order items a shipment item sums up: exploded items of one product are packed as one (INV-27).';
create index shipment_order_item_order on oms.shipment_order_item (order_id, order_item_seq);

create table oms.depletion_line (
    shipment_id        bigint not null,
    shipment_item_seq  integer not null,
    event              text not null check (event in ('PACKED', 'UNPACKED')),
    export_id          bigint not null references oms.export_file,
    primary key (shipment_id, shipment_item_seq, event),
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.depletion_line is 'What the POS was told of packed units, once each: taken off its stock, or put back by force.';

create or replace view oms.open_order_line as
select item.order_id, item.order_item_seq, item.product_id, ship_group.facility_id, header.product_store_id,
       item.quantity - item.cancel_quantity - item.issued_quantity
       - coalesce((select sum(reservation.quantity)
                     from oms.inventory_reservation as reservation
                    where reservation.order_id = item.order_id
                      and reservation.order_item_seq = item.order_item_seq), 0) as unreserved
  from oms.order_item as item
  join oms.order_ship_group as ship_group using (order_id, ship_group_seq)
  join oms.order_header as header using (order_id)
  join oms.product_store as store using (product_store_id)
 where item.status in ('CREATED', 'APPROVED')
   and header.status in ('CREATED', 'APPROVED', 'HOLD')
   and store.reserve_inventory;

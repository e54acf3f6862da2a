-- What a packed kit was made of: the till keeps stock of components and knows no kits.
-- Source: spec inventory.md 5.12, 5.19.

create table oms.shipment_item_part (
    shipment_id        bigint not null,
    shipment_item_seq  integer not null,
    product_id         bigint not null references oms.product,
    quantity           integer not null check (quantity > 0),
    primary key (shipment_id, shipment_item_seq, product_id),
    foreign key (shipment_id, shipment_item_seq) references oms.shipment_item
);
comment on table oms.shipment_item_part is 'The components that left the shelf with a packed kit, as they were reserved; other items have none.';

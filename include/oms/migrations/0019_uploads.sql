-- Which shops are to be told of what an upload of a warehouse moved.
-- Source: spec inventory.md 5.20.

create table oms.upload_product (
    log_id             bigint not null references oms.import_log,
    shop_id            text collate "C" not null references oms.shop,
    product_id         bigint not null references oms.product,
    facility_id        text collate "C" not null references oms.facility,
    taken_by           text,
    taken_at           timestamptz,
    primary key (log_id, shop_id, product_id, facility_id),
    check ((taken_by is null) = (taken_at is null))
);
comment on table oms.upload_product is 'Products that an upload moved, for each shop: pushed right after the import, as a plan for these products (inventory.md 6.3).';
comment on column oms.upload_product.taken_by is 'The run that planned the product; set in the transaction that stores its lines.';
create index upload_product_waiting on oms.upload_product (shop_id) where taken_by is null;
create index upload_product_taken on oms.upload_product (taken_by) where taken_by is not null;

-- What the import of a shop's catalogue needs (spec orders.md 3.1, 1.6).

alter table oms.product add column category text;
comment on column oms.product.category is 'Kind of product as the shop names it.';

alter table oms.shop_product add column source_updated_at timestamptz;
comment on column oms.shop_product.source_updated_at is 'updatedAt of the payload the link was last taken from; an older payload changes nothing.';

create table oms.shop_parent (
    shop_id             text collate "C" not null references oms.shop,
    shopify_product_id  bigint not null,
    product_id          bigint not null references oms.product,
    from_date           timestamptz not null default now(),
    thru_date           timestamptz,
    primary key (shop_id, shopify_product_id)
);
comment on table oms.shop_parent is 'A product of the shop and the parent product it is; its variants are in shop_product. thru_date set: no longer in the shop.';
create unique index shop_parent_product on oms.shop_parent (shop_id, product_id) where thru_date is null;

create table oms.product_import (
    import_id           bigint generated always as identity primary key,
    shop_id             text collate "C" not null references oms.shop,
    run_id              text not null,
    bulk_operation_id   text,
    status              text not null default 'STARTED'
                        check (status in ('STARTED', 'FINISHED', 'FAILED', 'ABANDONED')),
    counts              jsonb not null default '{}',
    ready               boolean,
    error_message       text,
    started_at          timestamptz not null default now(),
    finished_at         timestamptz,
    check ((status = 'STARTED') = (finished_at is null))
);
comment on table oms.product_import is 'One import of a whole catalogue; a run that died leaves it STARTED, and the next one takes its bulk operation up.';
comment on column oms.product_import.counts is 'Read, created, updated, linked, rejected, and what the shop says it has.';
comment on column oms.product_import.ready is 'Nothing rejected and the counts of OMS and shop agree: orders may be imported (orders.md 3.1).';
create index product_import_shop on oms.product_import (shop_id, import_id desc);

create table oms.product_import_reject (
    import_id           bigint not null references oms.product_import,
    line_number         bigint not null,
    shopify_id          bigint,
    sku                 text,
    error_code          text not null,
    error_message       text not null,
    primary key (import_id, line_number)
);
comment on table oms.product_import_reject is 'Products and variants that could not be taken, each with its reason; line_number is that of the bulk result.';

create unlogged table oms_staging.catalogue_line (
    import_id           bigint not null,
    line_number         bigint not null,
    kind                text collate "C" not null check (kind in ('PRODUCT', 'VARIANT')),
    shopify_id          bigint not null,
    shopify_parent_id   bigint,
    title               text not null,
    handle              text,
    brand               text,
    category            text,
    description         text,
    tags                text[],
    is_gift_card        boolean,
    sku                 text,
    barcode             text,
    price               numeric(18, 2),
    features            jsonb,
    inventory_item_id   bigint,
    tracked             boolean,
    requires_shipping   boolean,
    requires_components boolean,
    source_updated_at   timestamptz not null,
    identifier          text collate "C",
    product_id          bigint,
    parent_product_id   bigint,
    match               text,
    error_code          text,
    error_message       text,
    primary key (import_id, line_number)
);
comment on table oms_staging.catalogue_line is 'Lines of a bulk result while they are merged; match: LINK, IDENTIFIER or NEW.';
create index catalogue_line_shopify_id on oms_staging.catalogue_line (import_id, kind, shopify_id);
create index catalogue_line_product on oms_staging.catalogue_line (import_id, product_id);

create function oms.identification_of(product_identifier text) returns text language sql immutable as $$
    select case product_identifier when 'SKU' then 'SKU' when 'BARCODE' then 'UPCA' else 'SHOPIFY_PROD_ID' end
$$;
comment on function oms.identification_of is 'The kind of identifier that shop.product_identifier means.';

create function oms.product_type_of(line oms_staging.catalogue_line) returns text language sql immutable as $$
    select case when line.requires_components then 'MARKETING_PKG_PICK'
                when line.is_gift_card then 'GIFT_CARD'
                when not line.requires_shipping then 'DIGITAL_GOOD'
                else 'FINISHED_GOOD'
           end
$$;
comment on function oms.product_type_of is 'A bundle is a kit; what needs no shipping is digital (orders.md 3.1).';

create function oms.internal_name_of(line oms_staging.catalogue_line) returns text language sql immutable as $$
    select case line.kind when 'PRODUCT' then line.handle
                else coalesce(line.sku, line.handle || ' / ' || line.shopify_id)
           end
$$;
comment on function oms.internal_name_of is 'SKU of a variant, handle of a parent; a variant without SKU goes by its number.';

-- Reports on how far the shops are from our figures, kept as a history.
-- Sources: spec inventory.md 6.1, 6.7, 6.8.

create table oms.drift_report (
    report_id     bigint generated always as identity primary key,
    shop_id       text collate "C" not null references oms.shop,
    run_id        text not null,
    status        text not null default 'STARTED' check (status in ('STARTED', 'FINISHED', 'ABANDONED')),
    started_at    timestamptz not null default now(),
    finished_at   timestamptz,
    shop_levels   bigint,
    our_levels    bigint,
    csv_file      text,
    chart_file    text,
    check ((status = 'STARTED') = (finished_at is null))
);
comment on table oms.drift_report is 'One comparison of a shop with our figures; ABANDONED: its run died, the next one began anew.';
comment on column oms.drift_report.shop_levels is 'Levels the shop told of; our_levels: levels of ours that were compared.';
create index drift_report_shop on oms.drift_report (shop_id, report_id desc);

create table oms.drift_line (
    report_id                 bigint not null references oms.drift_report on delete cascade,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    product_id                bigint references oms.product,
    sku                       text,
    cause                     text collate "C" not null
                              check (cause in ('ORDER_NOT_IMPORTED', 'PUSH_PENDING', 'UNMAPPED', 'UNTRACKED',
                                               'INACTIVE_LEVEL', 'KIT_OWNED_BY_SHOPIFY', 'OTHER_WRITER', 'LATE_FILE',
                                               'REFUSED', 'UNKNOWN')),
    detail                    text,
    desired                   integer,
    shown                     integer,
    difference                integer generated always as (coalesce(shown, 0) - coalesce(desired, 0)) stored,
    available                 integer,
    committed                 integer,
    reserved                  integer,
    on_hand                   integer,
    book                      bigint,
    told                      bigint,
    open_units                bigint,
    shop_updated_at           timestamptz,
    primary key (report_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.drift_line is 'A level that showed something else than our figure at both looks, with the cause and the figures it follows from.';
comment on column oms.drift_line.told is 'K: units the shop holds committed as far as the OMS was told (inventory.md 6.7).';
comment on column oms.drift_line.open_units is 'Sum of lines on their way to the level.';
create index drift_line_product on oms.drift_line (product_id, report_id);

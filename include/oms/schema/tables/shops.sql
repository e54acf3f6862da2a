-- Shops, their locations and variants, what they tell us, and those who call our API.

create table oms.shop (
    shop_id            text collate "C" primary key check (shop_id <> ''),
    shop_name          text not null,
    connection_id      text not null,
    product_store_id   text collate "C" not null references oms.product_store,
    inventory_master   text not null default 'OMS' check (inventory_master in ('OMS', 'SHOPIFY')),
    product_identifier text not null default 'SKU' check (product_identifier in ('SHOPIFY_PRODUCT_ID', 'SKU', 'BARCODE')),
    push_enabled       boolean not null default true
);
comment on table oms.shop is 'A Shopify shop and how to reach it.';
comment on column oms.shop.connection_id is 'Airflow connection: host = address of the shop, password = access token.';
comment on column oms.shop.push_enabled is 'False stops all pushes to this shop; nothing is lost, the next push sends the difference.';

create table oms.shop_location (
    shop_id             text collate "C" not null references oms.shop,
    shopify_location_id bigint not null,
    location_name       text not null,
    facility_group_id   text collate "C" references oms.facility_group,
    sync_mode           text not null default 'RECENT' check (sync_mode in ('RECENT', 'DELTA', 'OFF')),
    physical_basis      text not null default 'ATP' check (physical_basis in ('ATP', 'COMPUTED_ATP', 'QOH')),
    compared            pg_snapshot,
    compared_at         timestamptz,
    leave_units         boolean not null default false,
    primary key (shop_id, shopify_location_id)
);
comment on table oms.shop_location is 'A Shopify location that receives our figures.';
comment on column oms.shop_location.facility_group_id is 'Channel group whose online ATP a consolidated location shows; null for a physical one.';
comment on column oms.shop_location.sync_mode is 'RECENT: compares with Shopify; DELTA: compares with the book; OFF: nothing is sent (inventory.md 6.1).';
comment on column oms.shop_location.compared is 'Snapshot of the last complete comparison (hard sync); null: mode DELTA still asks for one.';
comment on column oms.shop_location.leave_units is 'Without a facility: what it offers of ours stays in the shop; false: the next push takes it off.';

create table oms.shop_location_facility (
    shop_id             text collate "C" not null,
    facility_id         text collate "C" not null references oms.facility,
    shopify_location_id bigint not null,
    primary key (shop_id, facility_id),
    foreign key (shop_id, shopify_location_id) references oms.shop_location
);
comment on table oms.shop_location_facility is 'Facility to location: _NA_ or several physical facilities make the location consolidated, one physical facility makes it physical (inventory.md 2.4).';
create index shop_location_facility_location on oms.shop_location_facility (shop_id, shopify_location_id);

create table oms.shop_product (
    shop_id                   text collate "C" not null references oms.shop,
    shopify_variant_id        bigint not null,
    shopify_product_id        bigint not null,
    shopify_inventory_item_id bigint,
    product_id                bigint not null references oms.product,
    tracked                   boolean not null default true,
    from_date                 timestamptz not null default now(),
    thru_date                 timestamptz,
    source_updated_at         timestamptz,
    primary key (shop_id, shopify_variant_id)
);
comment on table oms.shop_product is 'A variant of the shop and the product it is; thru_date set: delinked.';
comment on column oms.shop_product.source_updated_at is 'updatedAt of the payload the link was last taken from; an older payload changes nothing.';
create unique index shop_product_item on oms.shop_product (shop_id, shopify_inventory_item_id)
    where thru_date is null and shopify_inventory_item_id is not null;
create unique index shop_product_product on oms.shop_product (shop_id, product_id) where thru_date is null;
comment on index oms.shop_product_product is 'One variant of a shop for one product: its level is the only one that shows the product at a location.';

create table oms.shop_parent (
    shop_id            text collate "C" not null references oms.shop,
    shopify_product_id bigint not null,
    product_id         bigint not null references oms.product,
    from_date          timestamptz not null default now(),
    thru_date          timestamptz,
    primary key (shop_id, shopify_product_id)
);
comment on table oms.shop_parent is 'A product of the shop and the parent product it is; its variants are in shop_product. thru_date set: no longer in the shop.';
create unique index shop_parent_product on oms.shop_parent (shop_id, product_id) where thru_date is null;

create table oms.product_import (
    import_id         bigint generated always as identity primary key,
    shop_id           text collate "C" not null references oms.shop,
    run_id            text not null,
    bulk_operation_id text,
    status            text not null default 'STARTED'
                      check (status in ('STARTED', 'FINISHED', 'FAILED', 'ABANDONED')),
    counts            jsonb not null default '{}',
    ready             boolean,
    error_message     text,
    started_at        timestamptz not null default now(),
    finished_at       timestamptz,
    check ((status = 'STARTED') = (finished_at is null))
);
comment on table oms.product_import is 'One import of a whole catalogue; a run that died leaves it STARTED, and the next one takes its bulk operation up.';
comment on column oms.product_import.counts is 'Read, created, updated, linked, rejected, and what the shop says it has.';
comment on column oms.product_import.ready is 'Nothing rejected and the counts of OMS and shop agree: orders may be imported (orders.md 3.1).';
create index product_import_shop on oms.product_import (shop_id, import_id desc);

create table oms.product_import_reject (
    import_id     bigint not null references oms.product_import,
    line_number   bigint not null,
    shopify_id    bigint,
    sku           text,
    error_code    text not null,
    error_message text not null,
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

create table oms.webhook_inbox (
    shop_id      text collate "C" not null references oms.shop,
    webhook_id   text collate "C" not null check (webhook_id <> ''),
    event_id     text collate "C",
    topic        text collate "C" not null check (topic ~ '^[a-z_]+/[a-z_]+$'),
    api_version  text,
    triggered_at timestamptz,
    received_at  timestamptz not null default now(),
    payload      json not null,
    status       text not null default 'NEW'
                 check (status in ('NEW', 'DONE', 'STALE', 'IGNORED', 'FAILED')),
    processed_at timestamptz,
    error        text,
    primary key (shop_id, webhook_id),
    check ((status = 'NEW') = (processed_at is null))
);
comment on table oms.webhook_inbox is 'Deliveries whose signature was right, each once however often it came; the jobs of a topic work them off.';
comment on column oms.webhook_inbox.webhook_id is 'X-Shopify-Webhook-Id: the same on every repetition of a delivery.';
comment on column oms.webhook_inbox.event_id is 'X-Shopify-Event-Id: one act in the shop; several topics may tell of it.';
comment on column oms.webhook_inbox.topic is 'In the form of the header, such as inventory_levels/update.';
comment on column oms.webhook_inbox.payload is 'The body as it came, which the signature was made of; only escapes that stand for no character (NUL, half a surrogate pair) are U+FFFD.';
comment on column oms.webhook_inbox.status is 'NEW: waits. DONE: taken in. STALE: something newer was taken in before. IGNORED: nothing to do. FAILED: see error; set back to NEW to try again.';
create index webhook_inbox_waiting on oms.webhook_inbox (topic, shop_id, received_at) where status = 'NEW';
create index webhook_inbox_age on oms.webhook_inbox (received_at);
create index webhook_inbox_set_aside on oms.webhook_inbox (topic, shop_id) where status = 'FAILED';

create table oms.webhook_subscription (
    shop_id    text collate "C" not null references oms.shop,
    topic      text collate "C" not null check (topic ~ '^[a-z_]+/[a-z_]+$'),
    uri        text not null check (uri ~ '^https?://'),
    is_wanted  boolean not null default true,
    changed_at timestamptz not null default now(),
    changed_by text not null,
    primary key (shop_id, topic)
);
comment on table oms.webhook_subscription is 'What we asked a shop to tell us: written before the shop is asked, so that a run that was killed is made good by the next.';
comment on column oms.webhook_subscription.uri is 'Where the shop delivers to.';
comment on column oms.webhook_subscription.is_wanted is 'False: to be removed from the shop; then the row goes too.';

create table oms.api_token (
    token_id    text collate "C" primary key check (token_id ~ '^[0-9a-f]{12}$'),
    client      text collate "C" not null check (client ~ '^[A-Za-z0-9_.-]{1,40}$'),
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    scopes      text[] not null check (cardinality(scopes) > 0),
    created_at  timestamptz not null default now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);
comment on table oms.api_token is 'Who may call the API: a bearer token is oms_<token_id>_<secret>; only the hash of the secret is here.';
comment on column oms.api_token.client is 'The system that calls. Its tokens share their idempotency keys, so that a new token repeats the calls of the old one.';
comment on column oms.api_token.secret_hash is 'SHA-256 of the secret, 32 random bytes, which no dictionary holds.';

create table oms.api_call (
    client          text collate "C" not null,
    idempotency_key text collate "C" not null check (length(idempotency_key) between 1 and 64),
    element_no      integer not null check (element_no >= 0),
    body_hash       bytea not null,
    answer          jsonb not null,
    called_at       timestamptz not null default now(),
    primary key (client, idempotency_key, element_no)
);
comment on table oms.api_call is 'Answers to calls with an Idempotency-Key, written in the transaction of their effect; a repetition within 30 days gets them again (inventory.md 3.6).';
comment on column oms.api_call.element_no is '0: the body was one object; else the place in the list, from 1. Elements that were refused are not here: they may be tried again.';
comment on column oms.api_call.body_hash is 'SHA-256 of the whole body; the same for all rows of a key.';
create index api_call_age on oms.api_call (called_at);

create table oms.job_watermark (
    job         text not null,
    shop_id     text not null,
    scope       text not null default '',
    recorded_to timestamptz not null,
    primary key (job, shop_id, scope)
);
comment on table oms.job_watermark is 'How far pulls from Shopify have come, in Shopify time (inventory.md 6.2, pulls).';

create table oms.shop_level_applied (
    shop_id                   text collate "C" not null references oms.shop,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    figure                    integer not null,
    by_atp                    boolean not null,
    updated_at                timestamptz not null,
    told_at                   timestamptz,
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
) with (fillfactor = 85);
comment on table oms.shop_level_applied is 'The last state of a level of Shopify that balances were set to: anything older is STALE (inventory.md 5.14).';
comment on column oms.shop_level_applied.by_atp is 'True: the figure was available and set ATP; false: it was on_hand and set QOH.';
comment on column oms.shop_level_applied.updated_at is 'Of the level, in Shopify time; whole seconds, so that two changes may carry the same.';
comment on column oms.shop_level_applied.told_at is 'When Shopify began to say so: decides between two figures of one second. Null: unknown (a file).';

create table oms.shop_level_drift (
    shop_id                   text collate "C" not null references oms.shop,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    product_id                bigint not null references oms.product,
    shopify_available         integer not null,
    desired                   integer,
    expected                  integer,
    drift                     integer generated always as (shopify_available - expected) stored,
    updated_at                timestamptz not null,
    told_at                   timestamptz,
    observed_at               timestamptz not null default now(),
    drifting_since            timestamptz,
    webhook_id                text collate "C" not null,
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
) with (fillfactor = 85);
comment on table oms.shop_level_drift is 'The newest word of Shopify on a level whose master is the OMS, beside our own figure; it changes nothing (inventory.md 5.16).';
comment on column oms.shop_level_drift.desired is 'What the location should show at the time of observation; null where on_hand is compared, which a webhook does not tell.';
comment on column oms.shop_level_drift.expected is 'What a line of ours had set the level to, if the webhook is its echo, else desired.';
comment on column oms.shop_level_drift.drift is 'Units that Shopify shows beyond what is expected; orders not imported yet make it negative for a while.';
comment on column oms.shop_level_drift.drifting_since is 'Since when the observations differ without a break; null: the last one did not.';
create index shop_level_drifting on oms.shop_level_drift (drifting_since) where drifting_since is not null;

-- Records of a shop that could not be taken in: each is tried again, and guards the levels it touches meanwhile.
-- Source: spec orders.md 1.5, orders-addendum.md D, K.

create table oms.pull_reject (
    shop_id      text collate "C" not null references oms.shop,
    kind         text collate "C" not null check (kind <> ''),
    shopify_id   text collate "C" not null,
    code         text not null,
    message      text not null,
    attempts     integer not null check (attempts >= 0),
    first_at     timestamptz not null default clock_timestamp(),
    next_try_at  timestamptz,
    resolved_at  timestamptz,
    primary key (shop_id, kind, shopify_id),
    check (resolved_at is null or next_try_at is null)
);
comment on table oms.pull_reject is 'Records of a shop that a pull could not take in: orders, returns, products (orders-addendum.md K).';
comment on column oms.pull_reject.attempts is 'Tries so far; one that only waits (code WAITS) uses none up.';
comment on column oms.pull_reject.next_try_at is 'Null: its tries are used up, or it was resolved; it is tried again when it changes in the shop.';
create index pull_reject_open on oms.pull_reject (shop_id, kind, next_try_at) where resolved_at is null;

create table oms.pull_reject_level (
    level_id                  bigint generated always as identity primary key,
    shop_id                   text collate "C" not null,
    kind                      text collate "C" not null,
    shopify_id                text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint,
    foreign key (shop_id, kind, shopify_id) references oms.pull_reject on delete cascade
);
comment on table oms.pull_reject_level is 'Levels that an open reject touches one-sidedly: a second look there is not due (orders-addendum.md K).';
comment on column oms.pull_reject_level.shopify_inventory_item_id is 'Null: it is not known, all items of the location.';
create index pull_reject_level_place
    on oms.pull_reject_level (shop_id, shopify_location_id, shopify_inventory_item_id);
create index pull_reject_level_reject on oms.pull_reject_level (shop_id, kind, shopify_id);

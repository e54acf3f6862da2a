-- What balances without a moment (asOf) have found right: no entry of the ledger tells of it, and a count from before
-- them is as old as before one that changed something. Source: spec inventory.md 6.8 (asOf).

create table oms.confirmed_balance (
    confirmed_id     bigint generated always as identity primary key,
    log_id           bigint,
    facility_id      text collate "C" not null,
    location_seq_id  text collate "C" not null,
    block            bigint not null,
    products         bytea not null,
    stated_at        timestamptz not null default now()
);
comment on table oms.confirmed_balance is 'Positions named by balances without asOf of which some left no entry. A count taken before stated_at is STALE for them (inventory.md 6.8).';
comment on column oms.confirmed_balance.log_id is 'The file; null: what a shop has told.';
comment on column oms.confirmed_balance.block is 'Product ids divided by 32768: a row tells of one such block.';
comment on column oms.confirmed_balance.products is 'A bit for each product of the block, by the rest of the division, as get_bit counts; bytes of 0 at the end are left out.';
create index confirmed_balance_place on oms.confirmed_balance (facility_id, location_seq_id, block, stated_at);
create index confirmed_balance_stated_at on oms.confirmed_balance (stated_at);

create function oms.names_product(products bytea, product_id bigint) returns boolean language sql immutable parallel safe
    return case when (product_id & 32767) / 8 < length(products)
                then get_bit(products, product_id & 32767) = 1 else false end;
comment on function oms.names_product is 'Whether a block of oms.confirmed_balance names a product.';

create function oms.states_balance(kind text, reason_id text) returns boolean language sql immutable parallel safe
    return coalesce(kind = 'reset', false) or coalesce(reason_id in ('VAR_EXT_RESET', 'CYCLE_COUNT'), false);
comment on function oms.states_balance is 'Whether an entry, by the kind of its file and its reason, tells what was found and not what goods did (inventory.md 6.8).';

-- What Shopify tells of its own stock: how far it was taken in, and how it differs from ours.
-- Sources: spec inventory.md 2.4, 5.14-5.16.

create function oms.moment_of(said text) returns timestamptz language sql stable as $$
    select case when said ~ ('^(19|20)[0-9][0-9]-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))'
                             '[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$')
                  or (said ~ '^(19|20)([02468][048]|[13579][26])-02-29[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$'
                      and said !~ '^1900')
                then said::timestamptz
           end
$$;
comment on function oms.moment_of is 'A moment with its zone as a sender writes it, such as 2026-11-03T09:00:05-05:00; null for any other text.';

create view oms.shop_location_place as
select shop_id, shopify_location_id,
       case when count(*) = 1 and not bool_or(is_virtual) then min(facility_id) end as facility_id,
       bool_or(is_virtual) or count(*) > 1                                          as is_consolidated,
       bool_or(is_virtual) and count(*) filter (where not is_virtual) = 1           as is_contradictory
  from oms.shop_location_facility
  join oms.facility using (facility_id)
  join oms.facility_type using (facility_type_id)
 group by shop_id, shopify_location_id;
comment on view oms.shop_location_place is 'The facility of a physical location; none for a consolidated one, whose figure cannot be split. Contradictory: both at once, which is a mistake in the mapping (inventory.md 2.4).';

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

create index webhook_inbox_set_aside on oms.webhook_inbox (topic, shop_id) where status = 'FAILED';

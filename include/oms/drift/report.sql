-- Levels that show something else than our figure, and the name of each cause. Rules: inventory.md 6.1, 6.3, 6.7.
-- The workspace (temporary tables of the session) holds what the shop said (drift_reading, drift_item), what we
-- say (plan_level, of the planner) and the differences between the two (drift_candidate).

-- name: make_workspace
drop table if exists pg_temp.drift_reading, pg_temp.drift_item, pg_temp.drift_candidate, pg_temp.drift_second,
                     pg_temp.drift_late;
create temp table drift_reading (
    shopify_location_id       bigint,
    shopify_inventory_item_id bigint,
    tracked                   boolean,
    active                    boolean,
    available                 integer,
    committed                 integer,
    reserved                  integer,
    on_hand                   integer,
    updated_at                timestamptz
);
create temp table drift_item (
    shopify_inventory_item_id bigint,
    sku                       text,
    requires_components       boolean
);
create temp table drift_second (
    shopify_location_id       bigint,
    shopify_inventory_item_id bigint,
    item_exists               boolean,
    tracked                   boolean,
    active                    boolean,
    available                 integer,
    committed                 integer,
    reserved                  integer,
    on_hand                   integer
);
create temp table drift_late (
    product_id                bigint,
    facility_id               text,
    log_id                    bigint,
    file_name                 text,
    status                    text
)

-- name: compare
-- Every level of ours against every level of the shop. An inactive or untracked level sells nothing of ours, so it
-- differs where our figure is not 0. A negative figure beside our 0 records oversold units and is right (6.3).
create temp table drift_candidate as
select coalesce(level.shopify_location_id, reading.shopify_location_id)             as shopify_location_id,
       coalesce(level.shopify_inventory_item_id, reading.shopify_inventory_item_id) as shopify_inventory_item_id,
       level.product_id, level.by_on_hand, level.desired, level.book, level.told, level.opened, level.set_aside,
       reading.shopify_inventory_item_id is not null as is_there,
       reading.tracked, reading.active, reading.available, reading.committed, reading.reserved, reading.on_hand,
       reading.updated_at,
       0::bigint as open_units, 0::bigint as last_line,
       false as settled, false as gone, null::text as cause, null::text as detail
  from pg_temp.plan_level as level
  full join (select *
               from pg_temp.drift_reading
              where shopify_location_id = any (%(locations)s)) as reading
    on reading.shopify_location_id = level.shopify_location_id
   and reading.shopify_inventory_item_id = level.shopify_inventory_item_id
 where case when level.product_id is null
            then reading.tracked and reading.active and reading.available <> 0
            when reading.tracked and reading.active
            then case when level.by_on_hand then reading.on_hand else reading.available end <> level.desired
                 and not (level.desired = 0
                          and case when level.by_on_hand then reading.on_hand else reading.available end < 0)
            else level.desired <> 0
       end

-- name: settle_at_once
-- What no push changes needs no second look: levels that one side does not have, or that sell nothing.
update pg_temp.drift_candidate
   set settled = true
 where product_id is null
    or not is_there
    or tracked is not true
    or active is not true

-- name: to_look_at
select shopify_location_id, shopify_inventory_item_id
  from pg_temp.drift_candidate
 where not settled
 order by shopify_location_id, shopify_inventory_item_id

-- name: note_open_lines
-- Before the shop is read again: what is on its way to each level.
update pg_temp.drift_candidate as level
   set open_units = coalesce(line.open_units, 0), last_line = coalesce(line.last_line, 0)
  from pg_temp.drift_candidate as same
  left join lateral (select sum(sent.delta) filter (where sent.status in ('PLANNED', 'SENT', 'UNKNOWN')) as open_units,
                            max(sent.line_id) as last_line
                       from oms.sync_line as sent
                      where sent.shop_id = %(shop_id)s
                        and sent.shopify_location_id = same.shopify_location_id
                        and sent.shopify_inventory_item_id = same.shopify_inventory_item_id) as line on true
 where same.shopify_location_id = level.shopify_location_id
   and same.shopify_inventory_item_id = level.shopify_inventory_item_id
   and not level.settled

-- name: settle
-- A level is settled if we said the same before and after the shop was read again: figure, book, K, lines. Then
-- that reading counts; if it shows our figure, the difference is gone. Else our later word stands for the next look.
with now_open as (
    select level.shopify_location_id, level.shopify_inventory_item_id,
           coalesce(sum(sent.delta) filter (where sent.status in ('PLANNED', 'SENT', 'UNKNOWN')), 0) as open_units,
           coalesce(max(sent.line_id), 0) as last_line
      from pg_temp.drift_candidate as level
      left join oms.sync_line as sent
        on sent.shop_id = %(shop_id)s
       and sent.shopify_location_id = level.shopify_location_id
       and sent.shopify_inventory_item_id = level.shopify_inventory_item_id
     where not level.settled
     group by level.shopify_location_id, level.shopify_inventory_item_id
)
update pg_temp.drift_candidate as level
   set settled = (level.desired, level.book, level.told, level.opened, level.set_aside, level.open_units,
                  level.last_line)
                 is not distinct from (fresh.desired, fresh.book, fresh.told, fresh.opened, fresh.set_aside,
                                       now_open.open_units, now_open.last_line),
       gone = fresh.product_id is null
              or (reading.tracked and reading.active
                  and (case when level.by_on_hand then reading.on_hand else reading.available end = fresh.desired
                       or fresh.desired = 0
                          and case when level.by_on_hand then reading.on_hand else reading.available end < 0)),
       desired = fresh.desired, book = fresh.book, told = fresh.told, opened = fresh.opened,
       set_aside = fresh.set_aside, open_units = now_open.open_units, last_line = now_open.last_line,
       is_there = reading.item_exists and reading.active is not null,
       tracked = reading.tracked, active = reading.active, available = reading.available,
       committed = reading.committed, reserved = reading.reserved, on_hand = reading.on_hand
  from now_open
  join pg_temp.drift_second as reading using (shopify_location_id, shopify_inventory_item_id)
  left join pg_temp.plan_level as fresh using (shopify_location_id, shopify_inventory_item_id)
 where level.shopify_location_id = now_open.shopify_location_id
   and level.shopify_inventory_item_id = now_open.shopify_inventory_item_id

-- name: forget_gone
delete from pg_temp.drift_candidate
 where settled and gone

-- name: open_files
-- Files that change balances and are not applied to their last row.
select log_id, file_name, status,
       kind = 'reset' and not coalesce((params ->> 'counting')::boolean, false) as states_figures, staged_with
  from oms.import_log
 where domain = 'BALANCE'
   and closed_at is null
   and status in ('DmlsLanding', 'DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed', 'DmlsHeld')
   and to_regclass('oms_staging.rows_' || coalesce(staged_with || '_joint', log_id::text)) is not null
 order by log_id

-- name: add_late
-- {rows}: the resolved rows of one open file. A row whose figure is ours already changes nothing and explains nothing:
-- of a large reset such rows are not even resolved (inventory/files/prefilter.py), of others they are left out here.
insert into pg_temp.drift_late (product_id, facility_id, log_id, file_name, status)
select distinct row.product_id, row.facility_id, %(log_id)s::bigint, %(file_name)s, %(status)s
  from {rows} as row
  left join oms.inventory_item as item using (product_id, facility_id, location_seq_id)
 where row.error_code is null
   and row.product_id in (select product_id from pg_temp.drift_candidate)
   and (not %(states_figures)s
        or row.as_of is not null
        or row.quantity is distinct from coalesce(case when row.by_atp then item.atp else item.qoh end, 0))

-- name: name_causes
-- In the order of what hides what: what a level is, then what is on its way to it, then the three parts of the
-- difference (6.7): seen - known, committed beyond K, desired - book; of these the largest.
with place as (
    select location.shopify_location_id, location.sync_mode, location.compared, mark.snapshot as mark, shop.push_enabled
      from oms.shop_location as location
      join oms.shop using (shop_id)
      left join oms.sync_mark as mark using (shop_id, shopify_location_id)
     where location.shop_id = %(shop_id)s
), facility_of as (
    select place.shopify_location_id, mapped.facility_id
      from place
      join oms.shop_location_facility as mapped
        on mapped.shop_id = %(shop_id)s and mapped.shopify_location_id = place.shopify_location_id
     union
    select location.shopify_location_id, member.facility_id
      from oms.shop_location as location
      join oms.facility_group_member as member using (facility_group_id)
     where location.shop_id = %(shop_id)s
), late as (
    select facility_of.shopify_location_id, waiting.product_id,
           min(format('%%s (log %%s, %%s)', waiting.file_name, waiting.log_id, waiting.status)) as file
      from pg_temp.drift_late as waiting
      join facility_of using (facility_id)
     group by facility_of.shopify_location_id, waiting.product_id
), oldest as (
    select min(pg_snapshot_xmin(least_seen)::text::numeric)::text::xid8 as tx
      from place, lateral (values (mark), (case when sync_mode = 'DELTA' then compared end)) as seen (least_seen)
     where least_seen is not null
), change as materialized (
    select entry.tx, item.product_id
      from oms.inventory_ledger as entry
      join oms.inventory_item as item using (inventory_item_id)
     where entry.tx >= (select oldest.tx from oldest)
     union
    select noted.tx, noted.product_id
      from oms.product_change as noted
     where noted.tx >= (select oldest.tx from oldest)
), touched as (
    select distinct place.shopify_location_id, change.product_id
      from place
      join change on not pg_visible_in_snapshot(change.tx, place.mark)
                  or (place.sync_mode = 'DELTA' and not pg_visible_in_snapshot(change.tx, place.compared))
     where change.product_id in (select product_id from pg_temp.drift_candidate)
), last_line as (
    select line.line_id, line.status, line.batch_id, batch.answered_at
      from oms.sync_line as line
      join oms.sync_batch as batch using (batch_id)
     where line.line_id in (select last_line from pg_temp.drift_candidate)
), fact as (
    select level.shopify_location_id, level.shopify_inventory_item_id,
           item.shopify_inventory_item_id is not null as item_is_known,
           coalesce(item.requires_components, false) or kept.set_aside_code = 'NON_MUTABLE_INVENTORY_ITEM' as is_bundle,
           kept.set_aside_code, item.sku, place.sync_mode, place.push_enabled, place.mark is not null as has_mark,
           late.file, touched.product_id is not null as touched, last_line.status as line_status,
           last_line.batch_id, last_line.answered_at, webhook.webhook_id,
           case when level.opened then level.desired - level.book else 0 end as pending,
           case when level.by_on_hand then 0 else level.committed + level.reserved - level.told end as not_imported,
           case when not level.opened then 0
                when level.open_units <> 0 and seen.units - level.book - level.told = -level.open_units then 0
                else seen.units - level.book - level.told end as by_others
      from pg_temp.drift_candidate as level
     cross join lateral (select case when level.by_on_hand then level.on_hand
                                     else level.available + level.committed + level.reserved end as units) as seen
      left join place using (shopify_location_id)
      left join pg_temp.drift_item as item using (shopify_inventory_item_id)
      left join oms.sync_level as kept
        on kept.shop_id = %(shop_id)s and kept.shopify_location_id = level.shopify_location_id
       and kept.shopify_inventory_item_id = level.shopify_inventory_item_id
      left join late on late.shopify_location_id = level.shopify_location_id and late.product_id = level.product_id
      left join touched
        on touched.shopify_location_id = level.shopify_location_id and touched.product_id = level.product_id
      left join last_line on last_line.line_id = level.last_line
      left join oms.shop_level_drift as webhook
        on webhook.shop_id = %(shop_id)s and webhook.shopify_location_id = level.shopify_location_id
       and webhook.shopify_inventory_item_id = level.shopify_inventory_item_id
)
update pg_temp.drift_candidate as level
   set (cause, detail) = (select named.cause, named.detail
                            from (values
    (level.product_id is null, 'UNMAPPED',
     format('SKU %%s of the shop is linked to no product; import_products_in_bulk links it', coalesce(fact.sku, '(none)'))),
    (not level.is_there and not fact.item_is_known, 'UNMAPPED', 'the shop has no such stock item any more'),
    (fact.is_bundle, 'KIT_OWNED_BY_SHOPIFY', 'the shop computes the stock of this bundle from its components'),
    (not level.is_there, 'INACTIVE_LEVEL', 'the item is not stocked at the location'),
    (level.tracked is not true, 'UNTRACKED', 'the shop does not track the stock of this item'),
    (level.active is not true, 'INACTIVE_LEVEL', 'the level is switched off in the shop'),
    (fact.set_aside_code = 'ITEM_NOT_STOCKED_AT_LOCATION', 'INACTIVE_LEVEL', 'the shop refused it as not stocked there'),
    (level.set_aside, 'REFUSED', format('the shop refused the last change: %%s', fact.set_aside_code)),
    (not level.settled, 'PUSH_PENDING', 'the level moves: it changed during every look'),
    (level.open_units <> 0, 'PUSH_PENDING', format('line %%s is %%s in batch %%s', level.last_line, fact.line_status, fact.batch_id)),
    (not level.opened and fact.file is not null, 'LATE_FILE', fact.file),
    (not level.opened, 'PUSH_PENDING', 'the level was never compared: it waits for its first stock or a hard sync'),
    (fact.touched and fact.sync_mode = 'RECENT', 'PUSH_PENDING', 'changed since the last plan'),
    (fact.file is not null and fact.by_others <> 0, 'LATE_FILE', fact.file),
    (fact.by_others <> 0 and abs(fact.by_others) >= greatest(abs(fact.pending), abs(fact.not_imported)), 'OTHER_WRITER',
     format('%%s units beside what we know; the shop changed the level last at %%s, our last call was answered %%s%%s',
            fact.by_others, level.updated_at, coalesce(fact.answered_at::text, 'never'),
            coalesce(', webhook ' || fact.webhook_id, ''))),
    (fact.not_imported <> 0 and abs(fact.not_imported) >= abs(fact.pending), 'ORDER_NOT_IMPORTED',
     format('%%s units are committed or reserved there that no imported order tells of', fact.not_imported)),
    (fact.pending <> 0 and not fact.push_enabled, 'PUSH_PENDING', 'pushes to the shop are switched off'),
    (fact.pending <> 0 and fact.touched, 'PUSH_PENDING', 'changed since the last plan, or held back until a hard sync'),
    (true, 'UNKNOWN',
     format('book %%s, K %%s, committed %%s, reserved %%s explain nothing', level.book, level.told, level.committed, level.reserved))
                                 ) as named (applies, cause, detail)
                           where named.applies
                           limit 1)
  from fact
 where fact.shopify_location_id = level.shopify_location_id
   and fact.shopify_inventory_item_id = level.shopify_inventory_item_id

-- name: abandon_others
update oms.drift_report
   set status = 'ABANDONED', finished_at = now()
 where shop_id = %(shop_id)s
   and status = 'STARTED'

-- name: begin_report
insert into oms.drift_report (shop_id, run_id)
values (%(shop_id)s, %(run_id)s)
returning report_id

-- name: keep_lines
insert into oms.drift_line (report_id, shopify_location_id, shopify_inventory_item_id, product_id, sku, cause, detail,
                            desired, shown, available, committed, reserved, on_hand, book, told, open_units,
                            shop_updated_at)
select %(report_id)s, level.shopify_location_id, level.shopify_inventory_item_id, level.product_id,
       coalesce(item.sku, product.internal_name), level.cause, level.detail, level.desired,
       case when level.by_on_hand then level.on_hand else level.available end, level.available, level.committed,
       level.reserved, level.on_hand, level.book, level.told, level.open_units, level.updated_at
  from pg_temp.drift_candidate as level
  left join pg_temp.drift_item as item using (shopify_inventory_item_id)
  left join oms.product using (product_id)

-- name: unserved
-- What the shop has to sell at each of these locations, and why we do not serve it.
select wanted.id,
       case when place.shop_id is null                          then 'not in shop_locations.csv'
            when place.sync_mode = 'OFF'                        then 'its sync_mode is OFF'
            else 'no facility is mapped to it' end as reason,
       count(reading.available)::integer as products, coalesce(sum(reading.available), 0)::bigint as units
  from unnest(%(locations)s::bigint[]) as wanted (id)
  left join oms.shop_location as place on place.shop_id = %(shop_id)s and place.shopify_location_id = wanted.id
  left join pg_temp.drift_reading as reading
    on reading.shopify_location_id = wanted.id and reading.tracked and reading.active and reading.available > 0
 group by wanted.id, place.shop_id, place.sync_mode

-- name: keep_unserved
insert into oms.drift_unserved (report_id, shopify_location_id, location_name, reason, sells_online, products, units)
values (%(report_id)s, %(shopify_location_id)s, %(location_name)s, %(reason)s, %(sells_online)s, %(products)s, %(units)s)

-- name: finish_report
update oms.drift_report
   set status = 'FINISHED', finished_at = now(), shop_levels = (select count(*) from pg_temp.drift_reading),
       our_levels = %(our_levels)s
 where report_id = %(report_id)s

-- name: note_files
update oms.drift_report
   set csv_file = %(csv_file)s, chart_file = %(chart_file)s
 where report_id = %(report_id)s

-- name: our_levels
select count(*)
  from pg_temp.plan_level

-- name: by_cause
select cause, count(*), sum(abs(coalesce(shown, 0) - coalesce(desired, 0)))
  from oms.drift_line
 where report_id = %(report_id)s
 group by cause
 order by count(*) desc, cause

-- name: lines
select line.sku, line.product_id, place.location_name, line.shopify_location_id, line.shopify_inventory_item_id,
       line.cause, line.detail, line.desired, line.shown, line.difference, line.available, line.committed,
       line.reserved, line.on_hand, line.book, line.told, line.open_units, line.shop_updated_at
  from oms.drift_line as line
  join oms.drift_report using (report_id)
  left join oms.shop_location as place using (shop_id, shopify_location_id)
 where line.report_id = %(report_id)s
 order by line.cause, abs(line.difference) desc, line.sku, line.shopify_location_id

-- name: ask_for_repair
-- The products become recent changes; the hard sync that follows takes them, and compares and sends as ever.
{into_changes}
select distinct product_id, 'repair'
  from oms.drift_line
 where report_id = %(report_id)s
   and cause = any (%(causes)s)
   and product_id is not null

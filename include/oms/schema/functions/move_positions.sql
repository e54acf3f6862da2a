create or replace function oms.move_positions() returns trigger language plpgsql as $$
declare
    places  text[];
    place   text;
    missing boolean;
begin
    with added as materialized (
        select inventory_item_id, sum(qoh_diff)::integer as qoh, sum(atp_diff)::integer as atp
          from new_entries
         group by inventory_item_id
    ),
    moved as (
        update oms.inventory_item as item
           set qoh = item.qoh + added.qoh, atp = item.atp + added.atp
          from added
         where item.inventory_item_id = added.inventory_item_id
           and (added.qoh <> 0 or added.atp <> 0)
     returning item.facility_id
    )
    select array(select distinct facility_id from moved),
           (select count(*) from moved) < (select count(*) from added where qoh <> 0 or atp <> 0)
           or exists (select
                        from added
                       where qoh = 0
                         and atp = 0
                         and not exists (select from oms.inventory_item as item
                                          where item.inventory_item_id = added.inventory_item_id))
      into places, missing;
    if missing then
        raise exception 'a ledger entry names a position that does not exist' using errcode = 'foreign_key_violation';
    end if;
    foreach place in array places loop
        perform pg_notify('oms_stock_changed', place);
    end loop;
    return null;
end $$;
comment on function oms.move_positions is 'Position = sum of the ledger, at every commit; rings the bell of the push jobs.';

create or replace trigger move_positions after insert on oms.inventory_ledger
    referencing new table as new_entries for each statement execute function oms.move_positions();

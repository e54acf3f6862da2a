-- The bell of the push jobs names the facility whose stock moved: only who shows that stock has to hear it.
-- Source: design section 5, seconds not quarter hours.

create or replace function oms.move_positions() returns trigger language plpgsql as $$
declare
    places text[];
    place  text;
begin
    with moved as (
        update oms.inventory_item as item
           set qoh = item.qoh + added.qoh, atp = item.atp + added.atp
          from (select inventory_item_id, sum(qoh_diff)::integer as qoh, sum(atp_diff)::integer as atp
                  from new_entries
                 group by inventory_item_id) as added
         where item.inventory_item_id = added.inventory_item_id
           and (added.qoh <> 0 or added.atp <> 0)
     returning item.facility_id
    )
    select array(select distinct facility_id from moved) into places;
    foreach place in array places loop
        perform pg_notify('oms_stock_changed', place);
    end loop;
    return null;
end $$;

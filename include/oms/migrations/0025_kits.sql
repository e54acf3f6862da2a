-- Kits: what is in them, and how many can be made where.
-- Sources: spec inventory.md 2.5, 5.12.

create table oms.kit_mark (
    only_row           boolean primary key default true check (only_row),
    snapshot           pg_snapshot not null,
    planned_at         timestamptz not null default now(),
    planned_by         text not null
);
comment on table oms.kit_mark is 'What the last computation of kits had seen: the next one takes what it had not.';

create function oms.note_kit_change() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct product_id, 'kit definition'
      from (select (case tg_op when 'DELETE' then old else new end).product_id as product_id
             union all
            select (case tg_op when 'DELETE' then old else new end).component_product_id) as concerned;
    return null;
end $$;
comment on function oms.note_kit_change is 'A kit whose definition changes is a recent change, and so are its components.';
create trigger note_kit_change after insert or update or delete on oms.product_assoc
    for each row execute function oms.note_kit_change();

create view oms.kit_in_cycle as
with recursive inside as (
    select product_id as kit_product_id, component_product_id
      from oms.product_assoc
     where from_date <= now() and (thru_date is null or thru_date > now())
    union
    select inside.kit_product_id, assoc.component_product_id
      from inside
      join oms.product_assoc as assoc on assoc.product_id = inside.component_product_id
     where assoc.from_date <= now() and (assoc.thru_date is null or assoc.thru_date > now())
), own as (
    select kit_product_id from inside where component_product_id = kit_product_id
)
select distinct kit_product_id
  from inside
 where kit_product_id in (select own.kit_product_id from own)
    or component_product_id in (select own.kit_product_id from own);
comment on view oms.kit_in_cycle is 'Kits that contain themselves, or one that does: they are refused.';

create view oms.kit_part as
select part.kit_product_id, part.component_product_id, part.quantity
  from oms.kit_component as part
  join oms.product as component on component.product_id = part.component_product_id
 where component.product_type_id in ('FINISHED_GOOD', 'MARKETING_PKG_PICK')
   and not exists (select from oms.product_assoc as inner_kit
                    where inner_kit.product_id = part.component_product_id
                      and inner_kit.from_date <= now()
                      and (inner_kit.thru_date is null or inner_kit.thru_date > now()))
   and not (exists (select from oms.shop_product as sold
                     where sold.product_id = part.component_product_id and sold.thru_date is null)
            and not exists (select from oms.shop_product as sold
                             where sold.product_id = part.component_product_id
                               and sold.thru_date is null and sold.tracked))
   and part.kit_product_id not in (select kit_product_id from oms.kit_in_cycle);
comment on view oms.kit_part is 'Units of each component that limits a kit: physical and tracked ones; kits inside a kit by their own parts (inventory.md 2.5).';

create function oms.kit_figures(kits bigint[], basis text)
returns table (product_id bigint, facility_id text, figure bigint) language sql stable as $$
    with part as (
        select kit_part.kit_product_id, kit_part.component_product_id, kit_part.quantity
          from oms.kit_part
         where kit_part.kit_product_id = any (kits)
    ), balance as (
        select item.product_id, item.facility_id,
               greatest(0, sum(item.atp) - case when basis = 'COMPUTED_ATP'
                                                then coalesce(max(setting.minimum_stock), 0) else 0 end) as units
          from oms.inventory_item as item
          left join oms.product_facility as setting using (product_id, facility_id)
         where item.product_id in (select part.component_product_id from part)
         group by item.product_id, item.facility_id
    ), place as (
        select part.kit_product_id, balance.facility_id
          from part
          join balance on balance.product_id = part.component_product_id
         union
        select item.product_id, item.facility_id
          from oms.inventory_item as item
         where item.product_id in (select part.kit_product_id from part)
    )
    select place.kit_product_id, place.facility_id, min(div(coalesce(balance.units, 0), part.quantity))::bigint
      from place
      join part using (kit_product_id)
      left join balance
        on balance.product_id = part.component_product_id and balance.facility_id = place.facility_id
     group by place.kit_product_id, place.facility_id
$$;
comment on function oms.kit_figures is 'How many of each kit can be made at each facility: the least over its parts, rounded down; a missing balance is 0 (inventory.md 2.5).';

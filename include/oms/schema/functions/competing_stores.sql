create or replace function oms.competing_stores(group_id text) returns table (product_store_id text) language sql stable as $$
    select channel.product_store_id
      from oms.facility_group as channel
     where channel.facility_group_id = group_id
    union
    select link.product_store_id
      from oms.product_store_facility as link
      join oms.product_store_facility as own using (facility_id)
      join oms.facility_group_member as member using (facility_id)
      join oms.facility as place using (facility_id)
      join oms.facility_type as kind using (facility_type_id)
     where own.product_store_id = (select channel.product_store_id
                                     from oms.facility_group as channel
                                    where channel.facility_group_id = group_id)
       and own.from_date <= now() and (own.thru_date is null or own.thru_date > now())
       and member.facility_group_id = group_id
       and member.from_date <= now() and (member.thru_date is null or member.thru_date > now())
       and not kind.is_virtual
       and link.from_date <= now() and (link.thru_date is null or link.thru_date > now())
$$;
comment on function oms.competing_stores is 'Product stores whose orders are served by the eligible facilities of a channel: their queues are part of Q (inventory.md 2.2).';

create or replace function oms.foreign_queue(of_shop text, group_id text, at_facility text)
    returns table (product_id bigint, quantity integer) language sql stable as $$
    select waiting.product_id, sum(waiting.quantity)::integer
      from oms.unreserved_demand as waiting
      join oms.order_header as header using (order_id)
     where header.shop_id is distinct from of_shop
       and (at_facility is null or waiting.facility_id = at_facility)
       and (group_id is null
            or waiting.product_store_id in (select competing.product_store_id
                                              from oms.competing_stores(group_id) as competing))
     group by waiting.product_id
$$;
comment on function oms.foreign_queue is 'Units of orders that a shop cannot know, without a reservation: those that count in the queue of a channel (group_id), or stand at a facility (inventory.md 5.3, INV-37).';

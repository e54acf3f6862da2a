-- name: not_taken_in
-- Of these orders of a shop those that no import has brought, in the order given.
select given.number
  from unnest(%(numbers)s::text[]) with ordinality as given (number, place)
 where not exists (select from oms.order_header as known
                    where known.shop_id = %(shop_id)s
                      and known.external_id = given.number)
 order by given.place

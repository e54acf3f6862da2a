-- Uploads of a warehouse that a shop is to be told of at once. Rules: inventory.md 5.20, 6.3, 6.8 (INV-47).

-- name: shops_waiting
-- Shops that were not told of all uploads yet, and those that this run has begun to tell.
select distinct shop_id
  from oms.upload_product
 where taken_by is null
    or taken_by = %(run_name)s
 order by shop_id

-- name: facilities_waiting
select coalesce(array_agg(distinct facility_id), '{}')
  from oms.upload_product
 where shop_id = %(shop_id)s
   and (taken_by is null or taken_by = %(run_name)s)

-- name: take
-- In the transaction that stores the lines: a run that is repeated names its products again, and finds them in the book.
with taken as (
    update oms.upload_product
       set taken_by = %(run_name)s, taken_at = now()
     where shop_id = %(shop_id)s
       and facility_id = any(%(facilities)s)
       and (taken_by is null or taken_by = %(run_name)s)
 returning product_id
)
select distinct product_id from taken order by product_id

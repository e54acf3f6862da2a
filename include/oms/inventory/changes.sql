-- name: into_changes
insert into oms.product_change (product_id, cause)

-- name: note
{into_changes}
select product_id, %(cause)s
  from unnest(%(products)s::bigint[]) as product (product_id)

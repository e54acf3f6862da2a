-- name: online_atp_of_skus
with asked as (
    select known.id_value as sku, known.product_id, wanted.place
      from unnest(%(skus)s::text[]) with ordinality as wanted (sku, place)
      join oms.product_identification as known
        on known.identification_type_id = 'SKU' and known.id_value = wanted.sku
       and known.from_date <= now() and (known.thru_date is null or known.thru_date > now())
)
select asked.sku, asked.product_id, figure.online_atp, figure.facility_sum, figure.threshold, figure.queue,
       figure.reason
  from oms.online_atp(%(group_id)s, (select array_agg(asked.product_id) from asked)) as figure
  join asked using (product_id)
 order by asked.place, asked.product_id;

create or replace function oms.identified(kind text, said text) returns setof bigint language sql stable parallel safe as $$
    select known.product_id
      from oms.product_identification as known
     where known.identification_type_id = kind
       and known.id_value = said
       and known.from_date <= now()
       and (known.thru_date is null or known.thru_date > now())
     union all
    select other.product_id
      from oms.known_barcode as other
     where oms.is_barcode(kind)
       and other.barcode = oms.barcode_key(said)
       and not exists (select from oms.product_identification as known
                        where known.identification_type_id = kind
                          and known.id_value = said
                          and known.from_date <= now()
                          and (known.thru_date is null or known.thru_date > now()))
$$;
comment on function oms.identified is 'The products that an identifier stands for today: those that have it as it is said, else those with the same barcode under another kind.';

create or replace function oms.barcode_key(id_value text) returns text language sql immutable parallel safe
    return case when id_value ~ '^([0-9]{8}|[0-9]{12,14})$' then lpad(id_value, 14, '0') else id_value end;
comment on function oms.barcode_key is 'The number of a barcode in its longest form: a UPC-A of 12 digits is an EAN-13 and a GTIN-14 with zeros in front.';

create index if not exists product_identification_barcode on oms.product_identification (oms.barcode_key(id_value))
 where identification_type_id in ('UPCA', 'EAN', 'GTIN', 'ISBN');
comment on index oms.product_identification_barcode is 'A barcode under whichever kind it is known.';

create or replace view oms.known_barcode as
select distinct oms.barcode_key(id_value) as barcode, product_id
  from oms.product_identification
 where identification_type_id in ('UPCA', 'EAN', 'GTIN', 'ISBN')
   and from_date <= now()
   and (thru_date is null or thru_date > now());
comment on view oms.known_barcode is 'Barcodes of today in their longest form, whatever kind they are stored as.';

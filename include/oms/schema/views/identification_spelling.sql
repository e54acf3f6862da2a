create or replace view oms.identification_spelling as
select match_key, identification_type_id from oms.identification_type
 union all
select match_key, identification_type_id
  from (values ('SHOPIFYPRODUCTID', 'SHOPIFY_PROD_ID'),
               ('UPC', 'UPCA'), ('UPC12', 'UPCA'), ('GTIN12', 'UPCA'), ('BARCODE', 'UPCA'),
               ('EAN13', 'EAN'), ('EAN8', 'EAN'), ('GTIN13', 'EAN'), ('GTIN8', 'EAN'), ('JAN', 'EAN'), ('JAN13', 'EAN'),
               ('GTIN14', 'GTIN'), ('ITF14', 'GTIN'),
               ('ISBN13', 'ISBN'), ('ISBN10', 'ISBN')) as other (match_key, identification_type_id);
comment on view oms.identification_spelling is 'What a kind of identifier may be called, without case and punctuation (inventory.md 3.5).';

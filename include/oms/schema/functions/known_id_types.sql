create or replace function oms.known_id_types() returns text language sql stable
    return (select string_agg(identification_type_id, ', ' order by identification_type_id) from oms.identification_type)
           || ', UPC, EAN13, BARCODE';
comment on function oms.known_id_types is 'What an idType may be, for a message.';

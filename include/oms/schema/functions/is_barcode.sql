create or replace function oms.is_barcode(kind text) returns boolean language sql immutable parallel safe
    return coalesce(kind in ('UPCA', 'EAN', 'GTIN', 'ISBN'), false);
comment on function oms.is_barcode is 'Kinds of identifiers that are printed as bars: one number, whatever a system calls it.';

-- Lines of ERP documents. Rules: inventory.md 3.6, 5.6, 5.7, INV-23.

-- name: number_lines
-- The good rows of the part that name a document, with their keys. Equal lines of a document are numbered over the
-- whole file, bad rows included, so that neither chunks nor a row that is mended later moves the numbers of others.
-- A row that repairs a refused line has a number that neither the file of that line nor other repairs of it have taken.
create temporary table import_document on commit drop as
with named as (
    select landed.line_number, concat_ws(':', %(type)s, number, place, item) as line_of, repair.origin_log_id
      from (select line_number, substring(comments from %(pattern)s) as number,
                   coalesce(external_facility_id, facility_id, '') as place,
                   coalesce(id_value, product_id, '') as item
              from {landed}) as landed
      left join oms.import_repair as repair
             on repair.log_id = %(log_id)s
            and repair.line_number = landed.line_number
     where number is not null
),
counted as (
    select named.*, row_number() over (partition by line_of, origin_log_id order by line_number) as nth
      from named
     where origin_log_id is null
        or line_number in (select line_number from {rows} as good where error_code is null)
)
select line_number, row.quantity,
       line_of || ':' || case when origin_log_id is null then nth else
           (select number
              from generate_series(1, nth + (select count(*)
                                               from oms.import_document_line as any_of
                                              where any_of.document_key > line_of || ':'
                                                and any_of.document_key < line_of || ';')) as number
             where not exists (select from oms.import_document_line as taken
                                 left join oms.import_repair as sibling using (log_id, line_number)
                                where taken.document_key = line_of || ':' || number
                                  and (taken.log_id = counted.origin_log_id
                                       or (sibling.origin_log_id = counted.origin_log_id and taken.log_id <> %(log_id)s)))
             order by number
            offset nth - 1
             limit 1) end as document_key
  from counted
  join {rows} as row using (line_number)
 where row.error_code is null
   and row.remark is distinct from 'SKIPPED_EXCLUDED'
   and {in_part}

-- name: claim_lines
-- Whoever comes second waits for the first, and then finds its lines.
insert into oms.import_document_line (document_key, quantity, log_id, line_number)
select document_key, quantity, %(log_id)s, line_number
  from import_document
 order by document_key
on conflict do nothing

-- name: find_repeated
create temporary table import_repeated on commit drop as
select own.line_number, own.document_key, own.quantity, known.quantity as known_quantity, log.file_name,
       known.log_id as known_log_id, known.line_number as known_line_number
  from import_document as own
  join oms.import_document_line as known using (document_key)
  join oms.import_log as log using (log_id)
 where (known.log_id, known.line_number) <> (%(log_id)s, own.line_number)

-- name: note_duplicates
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, line_number, 'DUPLICATE',
       format('%%s came in log %%s (%%s) line %%s', document_key, known_log_id, file_name, known_line_number)
  from import_repeated
 where quantity = known_quantity

-- name: refuse_changed
-- Never a silent duplicate: the ERP changed a document that is booked.
create temporary table import_refused on commit drop as
select line_number, %(column)s as error_column, 'ERR_DOCUMENT_CHANGED' as error_code,
       format('%%s is booked with %%s units (log %%s, %%s line %%s), here it has %%s; book the difference as a variance, '
              'or undo that file first', document_key, known_quantity, known_log_id, file_name, known_line_number,
              quantity) as error_message
  from import_repeated
 where quantity <> known_quantity

-- name: release
delete from oms.import_document_line as claimed
 using import_refused as refused
 where claimed.log_id = %(log_id)s
   and claimed.line_number = refused.line_number

-- Lines of ERP documents. Rules: inventory.md 3.6, 5.6, 5.7, INV-23.

-- name: number_lines
-- The good rows of the part that name a document, with their keys. Equal lines of a document are numbered over the
-- whole file, bad rows included, so that neither chunks nor a row that is mended later moves the numbers of others.
create temporary table import_document on commit drop as
select row.line_number, row.quantity, named.document_key
  from (select line_number,
               concat_ws(':', %(type)s, number, place, item,
                         row_number() over (partition by number, place, item order by line_number)) as document_key
          from (select line_number, substring(comments from %(pattern)s) as number,
                       coalesce(external_facility_id, facility_id, '') as place,
                       coalesce(id_value, product_id, '') as item
                  from {landed}) as landed
         where number is not null) as named
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

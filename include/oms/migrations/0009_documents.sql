-- Lines of ERP documents that files have booked, so that a document exported again is booked once.
-- Source: spec inventory.md 3.6, 5.6, 5.7.

create table oms.import_document_line (
    document_key       text collate "C" primary key,
    quantity           integer not null,
    log_id             bigint not null references oms.import_log,
    line_number        bigint not null,
    unique (log_id, line_number)
);
comment on table oms.import_document_line is 'Each line of an ERP document that a file line stands for, whether it moved stock or not.';
comment on column oms.import_document_line.document_key is 'type:number:facility:idValue:n, as in the file; n counts equal lines of the document.';
comment on column oms.import_document_line.quantity is 'Units as the file states them; what the ledger took of them may be less.';

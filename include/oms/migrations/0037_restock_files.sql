-- A restock knows the file that it was prepared from as long as that lies in the folder; a cancelled one keeps no file
-- from being prepared again. Source: spec inventory.md 5.13.

alter table oms.scheduled_restock
    drop constraint scheduled_restock_source_key_key,
    add column file_key text collate "C";
create unique index scheduled_restock_once on oms.scheduled_restock (source_key) where status <> 'CANCELLED';
comment on column oms.scheduled_restock.file_key is 'The file as it lies on SFTP, and what it says of this restock; null once the file is moved away. A time without a date would be that of the next day when a run that was broken off is repeated.';

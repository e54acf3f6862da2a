-- What the rows of a chunk are about, whatever that is. Source: spec inventory.md 3.4.
--
-- An urgent file waits for older ones about the same. They were compared by their facilities, of which a file about
-- something else has none.

alter table oms.import_chunk
  add column scopes text[] not null default '{}' check (array_position(scopes, null) is null);
comment on column oms.import_chunk.scopes is 'What its rows are about within the domain of its files: facilities for stock, orders for orders. Empty in chunks that the release before has landed: then facility_ids.';
comment on column oms.import_chunk.facility_ids is 'The facilities whose stock or settings it changes.';

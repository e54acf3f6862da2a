-- How marks and books of a restored database start over. Rules: architecture.md 5, 8.5; inventory.md 6.4, 6.7.

-- name: is_restored
select oms.is_restored()

-- name: lock_out_others
-- Imports, orders and pushes wait until all of it is done.
lock table oms.inventory_ledger, oms.sync_book, oms.product_change, oms.sync_batch, oms.sync_level, oms.outbox_message
  in exclusive mode

-- name: forget_transactions
-- 3 is older than every transaction: seen by every mark. When the entry became visible is kept.
update oms.inventory_ledger as entry
   set tx = '3',
       recorded_at = coalesce((select done.committed_at from oms.ledger_commit as done where done.tx = entry.tx),
                              entry.recorded_at)

-- name: forget_book_transactions
-- The key of an opening makes room for the one that comes; all other keys keep an act from counting twice.
update oms.sync_book
   set tx = '3',
       cause_key = case kind when 'opening' then cause_key || ':until:' || (select identity from oms.database_identity)
                             else cause_key end

-- name: columns_of_transactions
-- Every number of a transaction in our tables, those of commits apart, which are forgotten as a whole.
select named.relname, given.attname,
       exists (select from pg_trigger as guard where guard.tgrelid = named.oid and guard.tgname = 'append_only')
  from pg_attribute as given
  join pg_class as named on named.oid = given.attrelid
 where named.relnamespace = 'oms'::regnamespace
   and named.relkind in ('r', 'p')
   and given.atttypid = 'xid8'::regtype
   and not given.attisdropped
   and named.relname <> 'ledger_commit'
 order by named.relname

-- name: give_up_batches
-- Calls that nobody knows the end of. Repeating one now might apply it a second time (its key may be forgotten);
-- whether it was applied shows in the next comparison.
update oms.sync_batch
   set status = 'SUPERSEDED', answered_at = clock_timestamp(), error_code = 'RESTORED',
       error_message = 'given up after a restore; the next comparison sees what became of it'
 where status in ('PLANNED', 'SENT', 'UNKNOWN')

-- name: give_up_lines
update oms.sync_line as line
   set status = 'SUPERSEDED', error_code = 'RESTORED'
  from oms.sync_batch as batch
 where batch.batch_id = line.batch_id
   and batch.error_code = 'RESTORED'
   and line.status in ('PLANNED', 'SENT', 'UNKNOWN')

-- name: doubt_messages
-- The database that this one was made from may have sent them (orders-addendum.md I).
update oms.outbox_message
   set status = 'UNKNOWN', first_sent_at = coalesce(first_sent_at, planned_at), failures = 0,
       next_try_at = clock_timestamp(),
       error_code = 'RESTORED', error_message = 'the database before the restore may have sent it'
 where status in ('PLANNED', 'SENT', 'UNKNOWN')

-- name: empty_books
-- An entry takes back what the book held.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select shop_id, shopify_location_id, shopify_inventory_item_id, 'set', -book,
       format('restored:%s:%s:%s:%s', oms.present_identity(), shop_id, shopify_location_id, shopify_inventory_item_id)
  from oms.sync_level
 where opened_at is not null or book <> 0

-- name: close_books
update oms.sync_level
   set opened_at = null, compared = null, set_aside_code = null, set_aside_at = null

-- name: forget_marks
delete from oms.sync_mark

-- name: forget_kits
delete from oms.kit_mark

-- name: forget_looks
delete from oms.sync_look

-- name: forget_comparisons
update oms.shop_location
   set compared = null, compared_at = null
 where compared is not null

-- name: forget_commits
-- The numbers would be given again here; and from now on this is the database that gives them.
with own as (
    update oms.database_identity
       set identity = oms.present_identity(), noted_at = now()
)
delete from oms.ledger_commit

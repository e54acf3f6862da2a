-- The mark of the kits keeps changes of products, too, until it has seen them.
-- The mark of the kits keeps changes of products, too, until it has seen them.
create or replace view oms.oldest_mark as
select pg_snapshot_xmin(mark.snapshot) as tx
  from (select snapshot from oms.sync_mark
         union all
        select snapshot from oms.kit_mark
         union all
        select compared from oms.shop_location where compared is not null
         union all
        select compared from oms.sync_level where compared is not null) as mark
 order by pg_snapshot_xmin(mark.snapshot)
 limit 1;
comment on view oms.oldest_mark is 'The first transaction that some mark may not have seen; whatever else keeps a mark joins in here. No row: there is no mark.';

-- Minutes of a feed are bounded: beyond the calendar they stopped the look at all feeds.

update oms.feed
   set early_minutes = least(early_minutes, 44640), grace_minutes = least(grace_minutes, 44640)
 where early_minutes > 44640
    or grace_minutes > 44640;
alter table oms.feed
    add check (early_minutes <= 44640),
    add check (grace_minutes <= 44640);

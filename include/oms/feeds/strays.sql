-- The daily line about files that no job takes. Rules: inventory.md 3.5.

-- name: was_named
select exists (select from oms.strays_named where named_on >= %(today)s)

-- name: note_named
insert into oms.strays_named (named_on)
values (%(today)s)
on conflict (only_row) do update
   set named_on = excluded.named_on

create or replace function oms.watch_anew() returns trigger language plpgsql as $$
begin
    new.watched_from := now();
    return new;
end $$;
comment on function oms.watch_anew is 'What is expected of a feed from now on says nothing of the files of before.';

create or replace trigger watch_anew before update on oms.feed
    for each row
    when ((old.config_id, old.connection_id, old.path, old.file_pattern, old.expected, old.time_zone, old.early_minutes,
           old.minimal_rows)
          is distinct from
          (new.config_id, new.connection_id, new.path, new.file_pattern, new.expected, new.time_zone, new.early_minutes,
           new.minimal_rows))
    execute function oms.watch_anew();

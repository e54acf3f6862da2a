-- The pattern of moments, for files too: inlined into the statements that use it, and no hindrance to parallel plans.
create or replace function oms.moment_of(said text) returns timestamptz language sql stable parallel safe as $$
    select case when said ~ ('^(19|20)[0-9][0-9]-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))'
                             '[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$')
                then said::timestamptz
                when said ~ '^(19|20)([02468][048]|[13579][26])-02-29[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$'
                     and said !~ '^1900'
                then said::timestamptz
           end
$$;
comment on function oms.moment_of is 'A moment with its zone as a sender writes it, such as 2026-11-03T09:00:05-05:00; null for any other text.';

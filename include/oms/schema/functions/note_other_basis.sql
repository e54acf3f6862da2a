create or replace function oms.note_other_basis() returns trigger language plpgsql as $$
begin
    update oms.sync_level
       set opened_at = null
     where shop_id = new.shop_id
       and shopify_location_id = new.shopify_location_id;
    new.compared = null;
    new.compared_at = null;
    return new;
end $$;
comment on function oms.note_other_basis is 'Books that counted available count on_hand from now on, or the reverse: they are opened anew by the next comparison.';

create or replace trigger note_other_basis before update on oms.shop_location
    for each row
    when ((old.facility_group_id is null and old.physical_basis = 'QOH')
          <> (new.facility_group_id is null and new.physical_basis = 'QOH'))
    execute function oms.note_other_basis();

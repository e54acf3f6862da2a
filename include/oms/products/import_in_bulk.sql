-- name: abandon_old_imports
-- What died before it knew its export, or too long ago.
update oms.product_import
   set status = 'ABANDONED', finished_at = now()
 where shop_id = %(shop_id)s
   and status = 'STARTED'
   and (bulk_operation_id is null or started_at < %(oldest)s);

-- name: open_import
select import_id, bulk_operation_id
  from oms.product_import
 where shop_id = %(shop_id)s
   and status = 'STARTED'
 order by import_id desc
 limit 1;

-- name: create_import
insert into oms.product_import (shop_id, run_id) values (%(shop_id)s, %(run_id)s) returning import_id;

-- name: note_operation
update oms.product_import set bulk_operation_id = %(operation_id)s where import_id = %(import_id)s;

-- name: fail_import
update oms.product_import
   set status = 'FAILED', finished_at = now(), error_message = %(message)s
 where import_id = %(import_id)s;

-- name: read_counts
select counts from oms.product_import where import_id = %(import_id)s;

-- name: keep_counts
update oms.product_import set counts = %(counts)s::jsonb where import_id = %(import_id)s;

-- name: finish_import
update oms.product_import
   set status = 'FINISHED', finished_at = now(), counts = %(counts)s::jsonb, ready = %(ready)s
 where import_id = %(import_id)s;

-- name: clear_staged
delete from oms_staging.catalogue_line where import_id = %(import_id)s;

-- name: clear_rejects
delete from oms.product_import_reject where import_id = %(import_id)s;

-- name: copy_staged
copy oms_staging.catalogue_line
     (import_id, line_number, kind, shopify_id, shopify_parent_id, title, handle, brand, category, description,
      tags, is_gift_card, sku, barcode, price, features, inventory_item_id, tracked, requires_shipping,
      requires_components, source_updated_at)
from stdin;

-- name: analyze_staged
analyze oms_staging.catalogue_line;

-- name: reject_line
insert into oms.product_import_reject (import_id, line_number, shopify_id, sku, error_code, error_message)
values (%(import_id)s, %(line_number)s, %(shopify_id)s, %(sku)s, 'UNREADABLE', %(message)s);

-- name: drop_repeats
-- A record that the export shows twice counts once, as it was shown last.
delete from oms_staging.catalogue_line as line
 using oms_staging.catalogue_line as later
 where line.import_id = %(import_id)s
   and later.import_id = line.import_id
   and later.kind = line.kind
   and later.shopify_id = line.shopify_id
   and later.line_number > line.line_number;

-- name: inherit_from_parent
-- A variant shows its product's name, brand, kind and tags; it is as new as the newer of the two.
update oms_staging.catalogue_line as line
   set title = case line.title when 'Default Title' then parent.title else parent.title || ' - ' || line.title end,
       handle = parent.handle,
       brand = parent.brand,
       category = parent.category,
       tags = parent.tags,
       is_gift_card = parent.is_gift_card,
       source_updated_at = greatest(line.source_updated_at, parent.source_updated_at),
       identifier = case shop.product_identifier
                         when 'SKU' then line.sku
                         when 'BARCODE' then line.barcode
                         else line.shopify_id::text
                    end
  from oms_staging.catalogue_line as parent,
       oms.shop
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and parent.import_id = line.import_id
   and parent.kind = 'PRODUCT'
   and parent.shopify_id = line.shopify_parent_id
   and shop.shop_id = %(shop_id)s;

-- name: reject_orphans
update oms_staging.catalogue_line as line
   set error_code = 'NO_PRODUCT',
       error_message = format('its product %%s is not in the export, or was not taken', line.shopify_parent_id)
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and not exists (select from oms_staging.catalogue_line as parent
                    where parent.import_id = line.import_id
                      and parent.kind = 'PRODUCT'
                      and parent.shopify_id = line.shopify_parent_id);

-- name: end_absent_links
-- A full export shows all there is; what it does not show, and was linked before, is gone from the shop.
-- A line that could not be read is not gone.
update oms.shop_product as link
   set thru_date = now()
  from oms.product_import as import
 where import.import_id = %(import_id)s
   and link.shop_id = %(shop_id)s
   and link.thru_date is null
   and link.from_date < import.started_at
   and not exists (select from oms_staging.catalogue_line as line
                    where line.import_id = %(import_id)s
                      and line.kind = 'VARIANT'
                      and line.shopify_id = link.shopify_variant_id)
   and not exists (select from oms.product_import_reject as reject
                    where reject.import_id = %(import_id)s
                      and coalesce(reject.shopify_id, link.shopify_variant_id) = link.shopify_variant_id);

-- name: end_absent_parents
update oms.shop_parent as link
   set thru_date = now()
  from oms.product_import as import
 where import.import_id = %(import_id)s
   and link.shop_id = %(shop_id)s
   and link.thru_date is null
   and link.from_date < import.started_at
   and not exists (select from oms_staging.catalogue_line as line
                    where line.import_id = %(import_id)s
                      and line.kind = 'PRODUCT'
                      and line.shopify_id = link.shopify_product_id)
   and not exists (select from oms.product_import_reject as reject
                    where reject.import_id = %(import_id)s
                      and coalesce(reject.shopify_id, link.shopify_product_id) = link.shopify_product_id);

-- name: match_by_link
update oms_staging.catalogue_line as line
   set product_id = link.product_id, match = 'LINK'
  from oms.shop_product as link
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and link.shop_id = %(shop_id)s
   and link.shopify_variant_id = line.shopify_id
   and link.thru_date is null;

-- name: match_by_identifier
-- A product that another shop or a file has brought, known by the identifier that this shop is configured for.
update oms_staging.catalogue_line as line
   set product_id = known.product_id, match = case known.products when 1 then 'IDENTIFIER' else 'AMBIGUOUS' end
  from oms.shop,
       lateral (select held.id_value, min(held.product_id) as product_id, count(*) as products
                  from oms.product_identification as held
                  join oms.product using (product_id)
                 where held.identification_type_id = oms.identification_of(shop.product_identifier)
                   and held.from_date <= now() and (held.thru_date is null or held.thru_date > now())
                   and not product.is_virtual
                 group by held.id_value) as known
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and line.match is null
   and line.error_code is null
   and shop.shop_id = %(shop_id)s
   and known.id_value = line.identifier;

-- name: reject_ambiguous
update oms_staging.catalogue_line as line
   set error_code = 'AMBIGUOUS_IDENTIFIER',
       error_message = format('several products of the OMS have the identifier %%s', line.identifier)
 where line.import_id = %(import_id)s
   and line.match = 'AMBIGUOUS';

-- name: reject_duplicates
-- Of several variants with one identifier the first is taken: the one whose product has it already,
-- else one that is linked, else the oldest (the lowest id).
with ranked as (
    select line.line_number,
           row_number() over first_come as place,
           first_value(line.shopify_id) over first_come as taken_by
      from oms_staging.catalogue_line as line
      join oms.shop on shop.shop_id = %(shop_id)s
     where line.import_id = %(import_id)s
       and line.kind = 'VARIANT'
       and line.identifier is not null
       and line.error_code is null
    window first_come as (
           partition by line.identifier
           order by exists (select from oms.product_identification as held
                             where held.product_id = line.product_id
                               and held.identification_type_id = oms.identification_of(shop.product_identifier)
                               and held.id_value = line.identifier
                               and (held.thru_date is null or held.thru_date > now()))
                    and line.match = 'LINK' desc nulls last,
                    line.match = 'LINK' desc nulls last,
                    line.shopify_id)
)
update oms_staging.catalogue_line as line
   set error_code = 'DUPLICATE_IDENTIFIER',
       error_message = format('the identifier %%s belongs to variant %%s already', line.identifier, ranked.taken_by)
  from ranked
 where line.import_id = %(import_id)s
   and line.line_number = ranked.line_number
   and ranked.place > 1;

-- name: unmatch_moved_identifiers
-- The product that has the identifier belongs to another variant here, which now shows another one:
-- this line is a product of its own.
update oms_staging.catalogue_line as line
   set product_id = null, match = null
  from oms.shop_product as link
 where line.import_id = %(import_id)s
   and line.match = 'IDENTIFIER'
   and link.shop_id = %(shop_id)s
   and link.product_id = line.product_id
   and link.shopify_variant_id <> line.shopify_id
   and link.thru_date is null;

-- name: reject_taken_identifiers
-- The identifier still belongs to another product, and no line that is taken makes that product give it up.
update oms_staging.catalogue_line as line
   set error_code = 'DUPLICATE_IDENTIFIER',
       error_message = format('the identifier %%s belongs to product %%s already', line.identifier, held.product_id)
  from oms.shop,
       oms.product_identification as held
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and line.error_code is null
   and shop.shop_id = %(shop_id)s
   and held.identification_type_id = oms.identification_of(shop.product_identifier)
   and held.id_value = line.identifier
   and held.product_id is distinct from line.product_id
   and held.from_date <= now() and (held.thru_date is null or held.thru_date > now())
   and not exists (select
                     from oms_staging.catalogue_line as giver
                     join oms.product on product.product_id = giver.product_id
                    where giver.import_id = line.import_id
                      and giver.product_id = held.product_id
                      and giver.error_code is null
                      and giver.identifier is distinct from line.identifier
                      and giver.source_updated_at >= coalesce(product.source_updated_at, '-infinity'));

-- name: match_by_ended_link
-- A variant that comes back is the product it was, unless that is another variant's by now.
update oms_staging.catalogue_line as line
   set product_id = link.product_id, match = 'LINK'
  from oms.shop_product as link
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and line.match is null
   and line.error_code is null
   and link.shop_id = %(shop_id)s
   and link.shopify_variant_id = line.shopify_id
   and not exists (select from oms.shop_product as other
                    where other.shop_id = link.shop_id
                      and other.product_id = link.product_id
                      and other.thru_date is null)
   and not exists (select from oms_staging.catalogue_line as other
                    where other.import_id = line.import_id
                      and other.product_id = link.product_id);

-- name: match_parents
-- By link, else by what its variants are variants of; one parent is one product of the shop.
with by_variants as (
    select distinct on (found.parent_product_id) found.shopify_parent_id, found.parent_product_id
      from (select child.shopify_parent_id, min(product.parent_product_id) as parent_product_id
              from oms_staging.catalogue_line as child
              join oms.product on product.product_id = child.product_id
             where child.import_id = %(import_id)s
               and child.error_code is null
             group by child.shopify_parent_id) as found
     where not exists (select from oms.shop_parent as link
                        where link.shop_id = %(shop_id)s
                          and link.product_id = found.parent_product_id
                          and (link.thru_date is null
                               or exists (select from oms_staging.catalogue_line as line
                                           where line.import_id = %(import_id)s
                                             and line.kind = 'PRODUCT'
                                             and line.shopify_id = link.shopify_product_id)))
     order by found.parent_product_id, found.shopify_parent_id
), matched as (
    select line.line_number, coalesce(link.product_id, by_variants.parent_product_id) as product_id
      from oms_staging.catalogue_line as line
      left join oms.shop_parent as link
        on link.shop_id = %(shop_id)s and link.shopify_product_id = line.shopify_id
       and (link.thru_date is null
            or not exists (select from oms.shop_parent as other
                            where other.shop_id = link.shop_id
                              and other.product_id = link.product_id
                              and other.thru_date is null))
      left join by_variants
        on by_variants.shopify_parent_id = line.shopify_id
     where line.import_id = %(import_id)s
       and line.kind = 'PRODUCT'
)
update oms_staging.catalogue_line as line
   set product_id = matched.product_id, match = 'LINK'
  from matched
 where line.import_id = %(import_id)s
   and line.line_number = matched.line_number
   and matched.product_id is not null;

-- name: allocate_products
update oms_staging.catalogue_line
   set product_id = nextval(pg_get_serial_sequence('oms.product', 'product_id')), match = 'NEW'
 where import_id = %(import_id)s
   and product_id is null
   and error_code is null;

-- name: place_under_parents
update oms_staging.catalogue_line as line
   set parent_product_id = parent.product_id
  from oms_staging.catalogue_line as parent
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and parent.import_id = line.import_id
   and parent.kind = 'PRODUCT'
   and parent.shopify_id = line.shopify_parent_id;

-- name: create_products
insert into oms.product (product_id, parent_product_id, product_type_id, internal_name, product_name, brand,
                         category, description, price, tags, features, is_virtual, requires_shipping,
                         source_updated_at)
select line.product_id, line.parent_product_id, oms.product_type_of(line), oms.internal_name_of(line), line.title,
       line.brand, line.category, line.description, line.price, line.tags, coalesce(line.features, '{}'),
       line.kind = 'PRODUCT', coalesce(line.requires_shipping, true), line.source_updated_at
  from oms_staging.catalogue_line as line
 where line.import_id = %(import_id)s
   and line.match = 'NEW'
   and line.error_code is null;

-- name: update_products
-- An older payload changes nothing; a product that another shop has brought keeps its parent.
update oms.product as kept
   set parent_product_id = coalesce(kept.parent_product_id, line.parent_product_id),
       product_type_id = oms.product_type_of(line),
       internal_name = oms.internal_name_of(line),
       product_name = line.title,
       brand = line.brand,
       category = line.category,
       description = line.description,
       price = line.price,
       tags = line.tags,
       features = coalesce(line.features, '{}'),
       requires_shipping = coalesce(line.requires_shipping, true),
       source_updated_at = line.source_updated_at,
       updated_at = now()
  from oms_staging.catalogue_line as line
 where line.import_id = %(import_id)s
   and line.product_id = kept.product_id
   and line.match <> 'NEW'
   and line.error_code is null
   and line.source_updated_at >= coalesce(kept.source_updated_at, '-infinity')
   and (kept.parent_product_id, kept.product_type_id, kept.internal_name, kept.product_name, kept.brand,
        kept.category, kept.description, kept.price, kept.tags, kept.features, kept.requires_shipping)
       is distinct from
       (coalesce(kept.parent_product_id, line.parent_product_id), oms.product_type_of(line),
        oms.internal_name_of(line), line.title, line.brand,
        line.category, line.description, line.price, line.tags, coalesce(line.features, '{}'),
        coalesce(line.requires_shipping, true));

-- name: note_source_time
-- A newer payload that says the same is remembered, too; it is no change.
update oms.product as kept
   set source_updated_at = line.source_updated_at
  from oms_staging.catalogue_line as line
 where line.import_id = %(import_id)s
   and line.product_id = kept.product_id
   and line.error_code is null
   and line.source_updated_at > coalesce(kept.source_updated_at, '-infinity');

-- name: end_identifications
-- The shop shows one SKU and one barcode of a variant; another one that is still valid ends.
update oms.product_identification as held
   set thru_date = now()
  from oms_staging.catalogue_line as line
  join oms.product using (product_id)
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and line.error_code is null
   and line.source_updated_at >= product.source_updated_at
   and held.product_id = line.product_id
   and (held.thru_date is null or held.thru_date > now())
   and (held.identification_type_id = 'SKU' and held.id_value is distinct from line.sku
        or held.identification_type_id = 'UPCA' and held.id_value is distinct from line.barcode);

-- name: add_identifications
insert into oms.product_identification (product_id, identification_type_id, id_value)
select line.product_id, shown.identification_type_id, shown.id_value
  from oms_staging.catalogue_line as line
  join oms.product using (product_id)
 cross join lateral (values ('SHOPIFY_PROD_ID', line.shopify_id::text),
                            ('SKU', line.sku),
                            ('UPCA', line.barcode)) as shown (identification_type_id, id_value)
 where line.import_id = %(import_id)s
   and line.error_code is null
   and shown.id_value is not null
   and (line.source_updated_at >= product.source_updated_at or shown.identification_type_id = 'SHOPIFY_PROD_ID')
   and not exists (select from oms.product_identification as held
                    where held.product_id = line.product_id
                      and held.identification_type_id = shown.identification_type_id
                      and held.id_value = shown.id_value
                      and (held.thru_date is null or held.thru_date > now()));

-- name: link_parents
insert into oms.shop_parent as kept (shop_id, shopify_product_id, product_id)
select %(shop_id)s, line.shopify_id, line.product_id
  from oms_staging.catalogue_line as line
 where line.import_id = %(import_id)s
   and line.kind = 'PRODUCT'
   and line.error_code is null
on conflict (shop_id, shopify_product_id) do update
   set product_id = excluded.product_id, thru_date = null, from_date = now()
 where kept.thru_date is not null;

-- name: link_variants
insert into oms.shop_product as kept
       (shop_id, shopify_variant_id, shopify_product_id, shopify_inventory_item_id, product_id, tracked,
        source_updated_at)
select %(shop_id)s, line.shopify_id, line.shopify_parent_id, line.inventory_item_id, line.product_id, line.tracked,
       line.source_updated_at
  from oms_staging.catalogue_line as line
 where line.import_id = %(import_id)s
   and line.kind = 'VARIANT'
   and line.error_code is null
on conflict (shop_id, shopify_variant_id) do update
   set shopify_product_id = excluded.shopify_product_id,
       shopify_inventory_item_id = excluded.shopify_inventory_item_id,
       product_id = excluded.product_id,
       tracked = excluded.tracked,
       source_updated_at = excluded.source_updated_at,
       from_date = case when kept.thru_date is null then kept.from_date else now() end,
       thru_date = null
 where excluded.source_updated_at >= coalesce(kept.source_updated_at, '-infinity')
   and (kept.shopify_product_id, kept.shopify_inventory_item_id, kept.product_id, kept.tracked, kept.thru_date)
       is distinct from
       (excluded.shopify_product_id, excluded.shopify_inventory_item_id, excluded.product_id, excluded.tracked,
        null::timestamptz);

-- name: keep_rejects
insert into oms.product_import_reject (import_id, line_number, shopify_id, sku, error_code, error_message)
select import_id, line_number, shopify_id, sku, error_code, error_message
  from oms_staging.catalogue_line
 where import_id = %(import_id)s
   and error_code is not null;

-- name: count_staged
-- Products and variants in the export; rejected: of either, and lines that could not be read.
select count(*) filter (where kind = 'PRODUCT'),
       count(*) filter (where kind = 'VARIANT'),
       (select count(*) from oms.product_import_reject where import_id = %(import_id)s)
  from oms_staging.catalogue_line
 where import_id = %(import_id)s;

-- name: count_links
select (select count(*) from oms.shop_parent where shop_id = %(shop_id)s and thru_date is null),
       (select count(*) from oms.shop_product where shop_id = %(shop_id)s and thru_date is null);

-- name: known_locations
select shopify_location_id from oms.shop_location where shop_id = %(shop_id)s;

-- name: first_rejects
select shopify_id, sku, error_code, error_message
  from oms.product_import_reject
 where import_id = %(import_id)s
 order by line_number
 limit %(limit)s;

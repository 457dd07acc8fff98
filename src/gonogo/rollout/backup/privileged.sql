-- What a restore as this role leaves out: catalog and oid (of each object that depends on it, too),
-- its description, and whether it is left out, blocks a restore, or is only implied.
with recursive
role (is_super) as (select rolsuper from pg_roles where rolname = current_user),
kept_to_superusers (classid, objid) as (
    select 'pg_extension'::regclass::oid, e.oid
    from pg_extension as e
    left join pg_available_extensions as a on a.name = e.extname
    left join pg_available_extension_versions as v
        on v.name = a.name and v.version = a.default_version
    where e.oid >= 16384 and coalesce(v.superuser and not v.trusted, true)
    union all
    select 'pg_event_trigger'::regclass, oid from pg_event_trigger
    union all
    select 'pg_publication'::regclass, p.oid
    from pg_publication as p
    where p.puballtables
        or exists (select from pg_publication_namespace as n where n.pnpubid = p.oid)
    union all
    select 'pg_cast'::regclass, c.oid
    from pg_cast as c
    join pg_type as s on s.oid = c.castsource
    join pg_type as t on t.oid = c.casttarget
    where c.oid >= 16384
        and (
            c.castmethod = 'b'
            or not (pg_has_role(s.typowner, 'usage') or pg_has_role(t.typowner, 'usage'))
        )
    union all
    select 'pg_language'::regclass, oid from pg_language where oid >= 16384
    union all
    select 'pg_foreign_data_wrapper'::regclass, oid from pg_foreign_data_wrapper where oid >= 16384
    union all
    select 'pg_proc'::regclass, p.oid
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang
    where p.oid >= 16384 and not l.lanpltrusted and l.oid < 16384
),
first (classid, objid) as (
    -- What belongs to an extension comes and goes with it.
    select k.classid, k.objid
    from kept_to_superusers as k, role
    where not role.is_super
        and not exists (
            select from pg_depend as d
            where d.classid = k.classid and d.objid = k.objid and d.deptype = 'e'
        )
    union all
    select 'pg_subscription'::regclass, s.oid
    from pg_subscription as s
    join pg_database as d on d.oid = s.subdbid
    where d.datname = current_database()
),
own (classid, objid) as (
    select classid, objid from first
    union
    select d.classid, d.objid
    from own
    join pg_depend as d on d.refclassid = own.classid and d.refobjid = own.objid
    where d.deptype in ('e', 'i', 'a')
),
reached (classid, objid) as (
    select classid, objid from own
    union
    select n.classid, n.objid
    from reached as r
    cross join lateral (
        select d.classid, d.objid
        from pg_depend as d
        where d.refclassid = r.classid and d.refobjid = r.objid and d.deptype <> 'x'
        union all
        -- A view is what its rule selects.
        select 'pg_class'::regclass, w.ev_class
        from pg_rewrite as w
        join pg_class as c on c.oid = w.ev_class and c.relkind = 'v'
        where r.classid = 'pg_rewrite'::regclass and w.oid = r.objid
    ) as n
)
select r.classid::bigint, r.objid::bigint, pg_describe_object(r.classid, r.objid, 0),
    case
        when f.objid is not null then 'left out'
        when o.objid is not null then 'implied'
        when r.classid in (
            'pg_foreign_server'::regclass, 'pg_user_mapping'::regclass, 'pg_proc'::regclass
        ) or c.relkind in ('v', 'f') then 'left out'
        when r.classid in ('pg_type'::regclass, 'pg_rewrite'::regclass)
            or c.relkind is null and r.classid = 'pg_class'::regclass then 'implied'
        else 'blocking'
    end
from reached as r
left join first as f on f.classid = r.classid and f.objid = r.objid
left join own as o on o.classid = r.classid and o.objid = r.objid
left join pg_class as c on r.classid = 'pg_class'::regclass and c.oid = r.objid
order by 3;

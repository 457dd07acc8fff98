/** The worker's second job: settle with each provider what it captured since the last time. */

import type { Database } from "./database.js";
import { PROVIDERS } from "./providers.js";

const SETTLE = `
insert into settlements (provider, settled_from, settled_to, payments, amount_cents, status)
select $1, since, now(), count(p.id), coalesce(sum(p.amount_cents), 0), 'settled'
from (
    select coalesce(max(settled_to), now() - interval '1 day') as since
    from settlements where provider = $1
) as last
left join payments as p
    on p.provider = $1 and p.captured_at >= last.since and p.captured_at < now()
where since < now()
group by since`;

/** Settle with every provider; how many settlements were written. */
export async function settle(database: Database): Promise<number> {
  let written = 0;
  for (const provider of PROVIDERS) {
    written += (await database.query(SETTLE, [provider])).rowCount ?? 0;
  }
  return written;
}

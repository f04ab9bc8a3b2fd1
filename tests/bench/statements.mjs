// SPDX-License-Identifier: Apache-2.0
// What each statement of each service costs in the database, as pg_stat_statements counts it. In runs of their own, since counting costs too.
import { until } from '../harness/system.mjs'
import { contenders } from './contenders.mjs'

const ask = `select replace(r.rolname, 'minqing_', '') as service, substring(s.query from '^-- ([^.:,]*)') as what, s.calls::float8 as calls,
       s.total_exec_time * 1000 as us, s.wal_bytes::float8 as wal
  from pg_stat_statements s
  join pg_roles r on r.oid = s.userid
  where r.rolname like 'minqing_%' and s.query like '-- %'
  order by s.total_exec_time desc`

/** The database of the stand counts its statements from now on. */
async function count(stand) {
  const { system } = stand
  await stand.quiet()
  await system.sql(`alter system set shared_preload_libraries = 'pg_stat_statements'`)
  await system.restart('postgresql')
  await until(() => system.sql('create extension if not exists pg_stat_statements').then(() => true, () => false), 'the database counts statements', 60000)
}

/** The database as it was. */
async function stopCounting(stand) {
  const { system } = stand
  await stand.quiet()
  await system.sql('drop extension pg_stat_statements')
  await system.sql('alter system reset shared_preload_libraries')
  await system.restart('postgresql')
  await until(() => system.sql('select 1').then(() => true, () => false), 'the database is up', 60000)
}

/**
 * minqing's statements under each load. Out: by load (a rate, or 'full') [{service, what, reports_a_call, ms_a_call, us_a_report, wal_a_report}],
 * dearest first. Times are from begin to end of a call: where the cores are full, waiting for one is in them.
 */
export async function statements(stand, plan) {
  const found = {}
  await count(stand)
  for (const rate of [50, 500, 0]) {
    await stand.clear()
    const running = await contenders.minqing.start(stand)
    await stand.system.sql('select pg_stat_statements_reset()')
    await stand.load({ port: running.port, processes: running.processes, rate, warm: plan.warm, measure: plan.measure })
    const rows = await stand.system.sql(ask)
    const [{ reports }] = await stand.system.sql('select count(*)::float8 as reports from minqing.reports')
    found[rate || 'full'] = rows.map(s => ({ service: s.service, what: s.what, reports_a_call: reports / s.calls, ms_a_call: s.us / s.calls / 1000,
      us_a_report: s.us / reports, wal_a_report: s.wal / reports })).filter(s => s.us_a_report >= 1)
  }
  await stopCounting(stand)
  return found
}

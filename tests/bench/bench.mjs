// SPDX-License-Identifier: Apache-2.0
// What is measured, in its order. Contenders take turns, so that a machine that grows slower does so for all.
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { statfsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { contenders, writeProfile } from './contenders.mjs'
import { cpuOfAll, difference, memoryOf } from './processes.mjs'
import { drawPlot } from './plot.mjs'
import { Stand } from './stand.mjs'
import { statements } from './statements.mjs'
import { printTables } from './tables.mjs'

const LONG = { rounds: 3, warm: 3, measure: 10, latency: [[50, 40], [500, 20], [2000, 10]], idle: 60, stored: [1e6], open: [1e4, 1e5] }
const QUICK = { rounds: 1, warm: 1, measure: 4, latency: [[50, 4], [500, 3], [2000, 3]], idle: 10, stored: [], open: [] }
const PARTS = ['sustained', 'latency', 'statements', 'devices', 'growth', 'idle']

export const median = values => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median of every number of several results of the same shape. */
export function medians(results) {
  const [first] = results
  if (typeof first === 'number') return median(results)
  if (first === null || typeof first !== 'object') return first
  return Object.fromEntries(Object.keys(first).map(key => [key, medians(results.map(r => r[key]))]))
}

const say = text => process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${text}\n`)
const words = times => Object.entries(times).map(([name, us]) => `${name} ${us.toFixed(0)}`).join(', ')
const sleep = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))

/** One contender on an empty stand, under one load. */
async function once(stand, contender, load) {
  await stand.clear()
  const running = await contender.start(stand)
  try {
    const before = await stand.disk()
    const result = await stand.load({ ...load, port: running.port, processes: running.processes })
    const disk = difference(await stand.disk(), before)
    const reports = Math.max(result.drained.out, 1)
    return { ...result, bytes_a_report: { database: disk.database / reports, log: disk.log / reports } }
  } finally {
    await running.stop()
  }
}

/** Waits until nothing works any more: what was started has told everything again. */
async function settle(processes, share = 0.05, most = 900) {
  for (const end = Date.now() + most * 1000; Date.now() < end;) {
    const before = cpuOfAll(processes)
    await sleep(3)
    const used = Object.values(difference(cpuOfAll(processes), before)).reduce((sum, us) => sum + us, 0) / 3e6
    if (used < share) return
  }
  throw new Error(`still busy after ${most} s`)
}

/** What a run leaves behind, of use to later ones: what is sent and stored a report, what reports become. */
async function capture(stand, load) {
  say('capture: what minqing sends and stores for a report')
  const rows = async () => Object.fromEntries((await stand.system.sql(`select relname as name, n_tup_ins::float8 as inserted, n_tup_upd::float8 as updated
    from pg_stat_user_tables where schemaname = 'minqing'`)).map(r => [r.name, r]))
  await stand.clear()
  const before = await rows()
  const running = await contenders.minqing.start(stand)
  await stand.load({ ...load, port: running.port, processes: running.processes })
  await stand.quiet()
  await sleep(1)
  const after = await rows()
  const [{ reports, joined, reviews, restricted, cases }] = await stand.system.sql(`select (select count(*) from minqing.reports)::float8 as reports,
    (select count(*) from minqing.case_events where what = 'joined')::float8 as joined, (select count(*) from minqing.reviews)::float8 as reviews,
    (select count(*) from minqing.cases where restricted)::float8 as restricted, (select count(*) from minqing.cases)::float8 as cases`)
  const written = Object.fromEntries(Object.keys(after).map(name => [name, {
    inserted: (after[name].inserted - (before[name]?.inserted ?? 0)) / reports, updated: (after[name].updated - (before[name]?.updated ?? 0)) / reports,
  }]).filter(([, w]) => w.inserted > 0.001 || w.updated > 0.001))
  const messages = await writeProfile(stand)
  await stand.system.sql('select bench.sample()')
  return { reports, share_joined: joined / reports, share_review: reviews / reports, share_opened: cases / reports, share_restricted: restricted / reports, written, messages }
}

/** The database alone: the rows of the capture stored once more. */
async function boundOfDatabase(stand, rounds) {
  const found = []
  for (let i = 0; i < rounds; i++) {
    await stand.quiet()
    const [{ reports }] = await stand.system.sql('select bench.prepare_rows()::float8 as reports')
    await stand.system.sql('checkpoint')
    const start = process.hrtime.bigint()
    await stand.system.sql('call bench.store_rows(512)')
    found.push(reports / (Number(process.hrtime.bigint() - start) / 1e9))
    say(`database alone: ${Math.round(found.at(-1))} reports a second`)
  }
  return median(found)
}

async function sustained(stand, chosen, plan) {
  const found = Object.fromEntries(chosen.map(c => [c.name, []]))
  for (let round = 1; round <= plan.rounds; round++) {
    for (const contender of chosen) {
      const result = await once(stand, contender, { warm: plan.warm, measure: plan.measure, seed: round })
      found[contender.name].push(result)
      say(`round ${round}, ${contender.title}: ${Math.round(result.out_per_second)} reports a second, ${result.backlog_at_end} on their way at the end, `
        + `µs a report: ${words(result.cpu_us)}; PostgreSQL for ${words(result.backend_us)}`)
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, results]) => [name, { ...medians(results), rounds: results.map(r => r.out_per_second) }]))
}

/** minqing's figure by each other's, round by round: what holds when the machine's speed drifts. */
function ratios(found) {
  const { minqing, ...others } = found
  if (!minqing) return {}
  return Object.fromEntries(Object.entries(others).map(([name, other]) => [name, median(other.rounds.map((rate, i) => minqing.rounds[i] / rate))]))
}

async function latency(stand, chosen, plan) {
  const found = {}
  for (const contender of chosen) {
    found[contender.name] = {}
    for (const [rate, seconds] of plan.latency) {
      found[contender.name][rate] = await once(stand, contender, { rate, warm: plan.warm, measure: seconds })
      const { receipt_ms: r, department_ms: d } = found[contender.name][rate]
      say(`${contender.title} at ${rate}/s: receipt ${r.p50}/${r.p99}/${r.p999} ms, department ${d.p50}/${d.p99}/${d.p999} ms`)
    }
  }
  return found
}

async function devices(stand, plan) {
  const result = await once(stand, contenders.minqing, { devices: 2000, warm: plan.warm + 2, measure: plan.measure })
  say(`2,000 devices: ${Math.round(result.out_per_second)} reports a second`)
  return { 2000: result }
}

/** minqing on a stand that has something in it already. */
async function withStock(stand, plan, stock, idle) {
  await stand.clear()
  const first = Date.now()
  for (const [count, open] of stock) {
    await stand.system.sql(`call bench.stock(${count}, ${open}, ${open ? 1e8 : 1})`)
    say(`${count} ${open ? 'open' : 'closed'} cases were put there in ${Math.round((Date.now() - first) / 1000)} s`)
  }
  await stand.system.sql('vacuum analyze')
  await stand.clear(true)
  const running = await contenders.minqing.start(stand)
  const began = Date.now()
  await settle(running.processes)
  const settled = (Date.now() - began) / 1000
  const memory = Object.fromEntries(Object.entries(running.processes).map(([name, p]) => [name, memoryOf(p.pid, p.family)]))
  const quiet = idle ? await idleShare(running.processes, idle) : undefined
  const found = { settled_s: settled, memory_kib: memory, idle: quiet }
  found.sustained = await stand.load({ port: running.port, processes: running.processes, warm: plan.warm, measure: plan.measure })
  await settle(running.processes)
  found.at_500 = await stand.load({ port: running.port, processes: running.processes, rate: 500, warm: plan.warm, measure: plan.measure, seed: 2 })
  say(`with that: ${Math.round(found.sustained.out_per_second)} reports a second, department at 500/s ${found.at_500.department_ms.p50}/${found.at_500.department_ms.p99} ms`)
  return found
}

/** Share of one core that everything together uses while nothing happens. */
async function idleShare(processes, seconds) {
  const before = cpuOfAll(processes)
  await sleep(seconds)
  const used = difference(cpuOfAll(processes), before)
  const share = Object.fromEntries(Object.entries(used).map(([name, us]) => [name, us / (seconds * 1e6)]))
  share.all = Object.values(share).reduce((sum, s) => sum + s, 0)
  say(`idle for ${seconds} s: ${(share.all * 100).toFixed(2)} % of a core (${Object.entries(share).filter(([, s]) => s > 0.0005).map(([name, s]) => `${name} ${(s * 100).toFixed(2)}`).join(', ')})`)
  return share
}

const BYTES_A_STORED_REPORT = 9000 // with its case, history, indexes and some log

/** Whether so many stored reports have room on the disk; says so where they have not. */
function hasRoom(stand, count) {
  const { bavail, bsize } = statfsSync(stand.system.folder)
  const free = bavail * bsize, needed = count * BYTES_A_STORED_REPORT
  if (free < needed) say(`growth with ${count} stored reports is left out: it needs ${Math.ceil(needed / 2 ** 30)} GiB on the disk of ${stand.system.folder}, ${Math.floor(free / 2 ** 30)} are free`)
  return free >= needed
}

async function growth(stand, plan) {
  const found = { stored: {}, open: {} }
  for (const count of plan.stored.filter(n => hasRoom(stand, n))) found.stored[count] = await withStock(stand, plan, [[count, false]], plan.idle)
  for (const count of plan.open) found.open[count] = await withStock(stand, plan, [[count, true]], 0)
  return found
}

async function idle(stand, plan) {
  await stand.clear()
  const running = await contenders.minqing.start(stand)
  await settle(running.processes)
  return idleShare(running.processes, plan.idle)
}

function machine() {
  const one = (command, ...args) => {
    try {
      return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim().split('\n')[0]
    } catch {
      return null
    }
  }
  return {
    cores: cpus().length, processor: cpus()[0]?.model, memory_gib: Math.round(totalmem() / 2 ** 30), kernel: one('uname', '-r'),
    postgresql: one('/usr/lib/postgresql/15/bin/postgres', '--version'), node: process.version, revision: one('git', 'rev-parse', '--short', 'HEAD'),
    mosquitto: one('dpkg-query', '-W', '-f=${Version}', 'mosquitto'),
  }
}

/**
 * Measures what is asked for and writes latest.json and latest.svg. Out: an exit status.
 * @param {{out: string, quick: boolean, only?: string[], tenMillion: boolean, stored?: number[], open?: number[], keep: boolean}} options
 */
export async function bench(options) {
  const plan = { ...(options.quick ? QUICK : LONG) }
  plan.stored = [...(options.stored ?? plan.stored), ...(options.tenMillion ? [1e7] : [])]
  plan.open = options.open ?? plan.open
  const named = options.only?.filter(name => name in contenders) ?? []
  const parts = options.only?.filter(name => PARTS.includes(name)) ?? []
  const unknown = options.only?.filter(name => !(name in contenders) && !PARTS.includes(name)) ?? []
  if (unknown.length) {
    say(`--only: ${unknown.join(', ')} is none of ${[...PARTS, ...Object.keys(contenders)].join(', ')}`)
    return 2
  }
  const wants = part => (parts.length ? parts.includes(part) : part !== 'growth' || plan.stored.length + plan.open.length > 0)
  const chosen = (named.length ? named : Object.keys(contenders)).map(name => contenders[name])
  const result = { at: new Date().toISOString(), quick: options.quick, machine: machine(), plan }
  say('a private system is made')
  const stand = await Stand.make(process.env.MINQING_BENCH_PREFIX)
  for (const event of ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection']) {
    process.once(event, async reason => {
      say(`stopped, nothing is written: ${reason?.stack ?? reason}`)
      await stand.stop()
      process.exit(1)
    })
  }
  try {
    result.capture = await capture(stand, { warm: 1, measure: options.quick ? 3 : 8 })
    if (wants('sustained') && chosen.includes(contenders.bound)) result.bound_database = await boundOfDatabase(stand, plan.rounds)
    if (wants('sustained')) {
      result.sustained = await sustained(stand, chosen, plan)
      result.minqing_by = ratios(result.sustained)
    }
    for (const { name } of chosen) result[name] = result.sustained?.[name]?.out_per_second
    if (wants('latency')) result.latency = await latency(stand, chosen, plan)
    if (chosen.includes(contenders.minqing)) {
      if (wants('statements')) {
        say('statements: what each costs in the database')
        result.statements = await statements(stand, plan)
      }
      if (wants('devices')) result.devices = await devices(stand, plan)
      if (wants('growth')) result.growth = await growth(stand, plan)
      if (wants('idle')) result.idle = await idle(stand, plan)
    }
    writeFileSync(path.join(options.out, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`)
    writeFileSync(path.join(options.out, 'latest.svg'), drawPlot(result))
    printTables(result)
  } finally {
    if (options.keep) {
      await stand.leave()
      say(`kept: ${stand.system.folder}; deploy/system stop ${stand.system.folder} ends it`)
    } else {
      await stand.stop()
    }
  }
  return 0
}

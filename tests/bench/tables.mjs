// SPDX-License-Identifier: Apache-2.0
// The figures as tables: for the terminal, and in Markdown for docs/performance.md.

const thousands = n => Math.round(n).toLocaleString('en-US')
const mib = kib => `${(kib / 1024).toFixed(1)}`
const ms = x => (x >= 100 ? x.toFixed(0) : x.toFixed(1))
const times = l => `${ms(l.p50)} / ${ms(l.p99)} / ${ms(l.p999)}`

export const titles = {
  bound: 'bound: broker and clients alone', minqing: 'minqing', peer_careful: 'peer, careful: Node.js, batches of 200',
  peer_usual: 'peer, usual: Node.js, a transaction a report',
}
const order = found => Object.keys(titles).filter(name => name in found)

/** CPU of a contender: its own processes together, those beside it each. */
function cpu(us) {
  const { broker, postgresql, load, ...own } = us
  return { own: Object.values(own).reduce((sum, x) => sum + x, 0), broker, postgresql, load }
}

const memoryOf = memory => {
  const { broker, postgresql, load, ...own } = memory
  return Object.values(own).reduce((sum, m) => sum + m.anonymous, 0)
}

function sustainedTable(result) {
  return {
    title: 'Reports a second sustained, closed loop, 84 devices (median of rounds)',
    head: ['', 'reports/s', 'rounds', 'on their way at the end', 'CPU µs a report: own', 'broker', 'PostgreSQL', 'load generator', 'own memory MiB', 'disk bytes a report: database', 'log'],
    rows: order(result.sustained).map(name => {
      const s = result.sustained[name], c = cpu(s.cpu_us)
      const stores = s.cpu_us.postgresql > 1
      return [titles[name], thousands(s.out_per_second), s.rounds.map(thousands).join(', '), thousands(s.backlog_at_end), c.own.toFixed(0), c.broker.toFixed(0),
        stores ? c.postgresql.toFixed(0) : '-', c.load.toFixed(0), mib(memoryOf(s.memory_kib)), stores ? thousands(s.bytes_a_report.database) : '-', stores ? thousands(s.bytes_a_report.log) : '-']
    }).concat(result.bound_database ? [['bound: the database alone, the same rows in batches of 512', thousands(result.bound_database), ...Array(9).fill('')]] : []),
  }
}

function processTable(result) {
  const s = result.sustained.minqing
  const names = Object.keys(s.cpu_us).filter(name => name !== 'load')
  return {
    title: 'minqing by process: CPU and memory under that load',
    head: ['process', 'CPU µs a report', 'of PostgreSQL for it', 'anonymous MiB', 'share MiB (Pss)', 'most MiB (VmHWM)'],
    rows: names.map(name => {
      const m = s.memory_kib[name]
      return [name, s.cpu_us[name].toFixed(0), s.backend_us[name]?.toFixed(0) ?? '-', mib(m.anonymous), mib(m.share), name === 'postgresql' ? '-' : mib(m.peak)]
    }),
  }
}

function latencyTable(result) {
  return {
    title: 'Milliseconds from the intended time of publishing, p50 / p99 / p99.9, open loop',
    head: ['', 'reports/s', 'to receipt', 'to department or review queue', 'reports', 'never came out'],
    rows: order(result.latency).flatMap(name => Object.entries(result.latency[name]).map(([rate, l]) => [titles[name], thousands(rate), times(l.receipt_ms), times(l.department_ms),
      thousands(l.receipt_ms.n), thousands(l.drained.sent - l.drained.out)])),
  }
}

function statementTable(result) {
  const { full, ...rates } = result.statements
  const of = (rate, s) => rates[rate]?.find(o => o.service === s.service && o.what === s.what)
  return {
    title: 'Statements of minqing, from the call to its end (at full load with waiting for a core)',
    head: ['service', 'statement', 'at full load: reports a call', 'µs a report', 'log bytes a report', ...Object.keys(rates).flatMap(rate => [`at ${rate}/s: reports a call`, 'ms a call'])],
    rows: full.map(s => [s.service, s.what, s.reports_a_call.toFixed(0), s.us_a_report.toFixed(0), s.wal_a_report.toFixed(0),
      ...Object.keys(rates).flatMap(rate => (of(rate, s) ? [of(rate, s).reports_a_call.toFixed(1), of(rate, s).ms_a_call.toFixed(2)] : ['', '']))]),
  }
}

function growthTable(result) {
  const row = (what, sustained, at500, more = '') => [what, sustained ? thousands(sustained.out_per_second) : '-', at500 ? times(at500.department_ms) : '-', more]
  const idle = share => (share ? `${(share.all * 100).toFixed(2)} %` : '')
  const rows = []
  if (result.sustained?.minqing || result.idle) rows.push(row('nothing stored', result.sustained?.minqing, result.latency?.minqing?.[500], idle(result.idle)))
  for (const [count, g] of Object.entries(result.growth?.stored ?? {})) rows.push(row(`${thousands(count)} stored reports, their cases closed`, g.sustained, g.at_500, idle(g.idle)))
  for (const [count, g] of Object.entries(result.growth?.open ?? {})) rows.push(row(`${thousands(count)} open cases`, g.sustained, g.at_500, idle(g.idle)))
  for (const [count, d] of Object.entries(result.devices ?? {})) rows.push(row(`${thousands(count)} devices connected`, d, null))
  return { title: 'Growth of minqing', head: ['', 'reports/s sustained', 'ms to department at 500/s, p50 / p99 / p99.9', 'of one core while idle'], rows }
}

function captureTable(result) {
  const c = result.capture
  const rows = Object.entries(c.messages).map(([what, m]) => [`message: ${what}`, m.a_report.toFixed(2), `${m.bytes} bytes`])
  for (const [name, w] of Object.entries(c.written)) rows.push([`row: ${name}`, w.inserted.toFixed(2), w.updated > 0.005 ? `${w.updated.toFixed(2)} updates` : ''])
  return { title: 'What a report becomes', head: ['', 'a report', ''], rows }
}

/** All tables for which there are figures. */
export function tablesOf(result) {
  const tables = []
  if (result.sustained) tables.push(sustainedTable(result))
  if (result.sustained?.minqing) tables.push(processTable(result))
  if (result.latency) tables.push(latencyTable(result))
  if (result.statements) tables.push(statementTable(result))
  if (result.growth || result.devices || result.idle) tables.push(growthTable(result))
  tables.push(captureTable(result))
  return tables
}

/** What the workload was, in one sentence. */
export function workloadOf({ capture: c }) {
  const percent = share => `${(share * 100).toFixed(1)} %`
  return `Of ${thousands(c.reports)} reports ${percent(c.share_opened)} opened a case of their own, ${percent(c.share_joined)} joined one, ${percent(c.share_review)} waited for review; `
    + `${percent(c.share_restricted)} were restricted.`
}

export const machineOf = ({ machine: m, at, quick }) => `${m.cores} cores of ${m.processor ?? 'unknown'}, ${m.memory_gib} GiB, Linux ${m.kernel}, ${m.postgresql}, Mosquitto ${m.mosquitto}, `
  + `Node.js ${m.node}; revision ${m.revision}, ${at.slice(0, 10)}${quick ? ', a quick run' : ''}.`

/** minqing's figure by each other's, in one sentence; nothing where they were not measured together. */
export function ratiosOf({ minqing_by: by }) {
  const found = order(by ?? {}).map(name => `${by[name].toFixed(2)} of ${titles[name]}`)
  return found.length ? [`minqing carries ${found.join('; ')} (medians of the ratios within a round).`] : []
}

export function markdownOf(result) {
  const lines = [machineOf(result), workloadOf(result), ...ratiosOf(result)]
  for (const { title, head, rows } of tablesOf(result)) {
    lines.push(`**${title}**`, [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n'))
  }
  return `${lines.join('\n\n')}\n`
}

export function printTables(result) {
  console.log([machineOf(result), workloadOf(result), ...ratiosOf(result)].join('\n'))
  for (const { title, head, rows } of tablesOf(result)) {
    const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => String(row[i]).length)))
    console.log(`\n${title}`)
    for (const row of [head, ...rows]) console.log(row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  '))
  }
}

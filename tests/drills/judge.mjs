// SPDX-License-Identifier: Apache-2.0
// The judge of all drills: from what was sent, what the devices were told, what the departments saw, and what the database holds.
import { readFileSync } from 'node:fs'
import { until } from '../harness/system.mjs'

const statement = readFileSync(new URL('judge.sql', import.meta.url), 'utf8')

/**
 * What became of one message, by those who saw it; times in milliseconds since 1970, null: never.
 * @typedef {{id: string, device: string, sends: number, sent: number, taken: number?, receipt: string?, receipt_at: number?,
 *   delivered: number?}} Entry
 * @typedef {{sent: number, accepted: number, stored: number, delivered: number, lost: number, doubled: number, gap: number,
 *   memory: Record<string, number>, findings: string[]}} Verdict
 */

/** The longest time, in ms, in which something was under way and no receipt came. @param {Entry[]} history */
function longestGap(history) {
  const sent = history.filter(e => e.sent).map(e => e.sent).sort((a, b) => a - b)
  const receipts = history.filter(e => e.receipt_at).map(e => e.receipt_at).sort((a, b) => a - b)
  let longest = 0
  let from = sent[0]
  for (const at of receipts) {
    // nothing under way is no gap: it begins with the next that is sent
    const begun = sent.find(t => t >= from) ?? from
    longest = Math.max(longest, at - Math.min(begun, at))
    from = at
  }
  return longest
}

/** The cases that the broker keeps for the town's desks, `department/id` to version, and its reviews; as a newcomer is told them. */
async function view(system) {
  const newcomer = await system.connect('bomei-command')
  try {
    const seen = new Map()
    await newcomer.subscribe('minqing/department/+/441581/441581105/case/+', 'minqing/command/441581/441581105/review/+')
    return await settled(newcomer, seen)
  } finally {
    await newcomer.end()
    system.clients.splice(system.clients.indexOf(newcomer), 1)
  }
}

/** Reads until the notifier's health, subscribed to last, is there: by then all that is retained before it was sent. */
async function settled(newcomer, seen) {
  const last = m => m.topic.startsWith('minqing/health/notifier/')
  await newcomer.subscribe('minqing/health/notifier/+')
  await newcomer.next(last, 'the health of the notifier', 60000) // there may be tens of thousands before it
  for (const { topic, payload } of newcomer.messages) {
    const part = topic.split('/')
    if (!payload.length) continue
    if (part[1] === 'department') seen.set(`${part[2]}/${part[6]}`, JSON.parse(payload.toString()).version)
    else if (part[1] === 'command') seen.set(`review/${part[5]}`, 0)
  }
  return seen
}

/** What differs between what the broker keeps and what the database says is live; '' when nothing does. */
export async function difference(system) {
  const rows = await system.sql(`select case when a.topic = 3 then 'review/' || a.ref else a.audience || '/' || a.ref end as key, a.version, a.topic
    from minqing.v_announcements a where a.topic in (1, 3) and a.live and a.scope = '441581105'`)
  const seen = await view(system)
  const wrong = []
  for (const { key, version, topic } of rows) {
    if (!seen.has(key)) wrong.push(`${key} is live and not shown`)
    else if (topic === 1 && seen.get(key) < Number(version)) wrong.push(`${key} is shown as of version ${seen.get(key)}, it has ${version}`)
    seen.delete(key)
  }
  for (const key of seen.keys()) wrong.push(`${key} is shown and not live`)
  return wrong.length ? `${wrong.length} differences: ${wrong.slice(0, 3).join('; ')}` : ''
}

/**
 * Judges a drill: waits at most `patience` seconds for what may still be under way, then says what is wrong.
 * @param {import('./world.mjs').World} world
 * @returns {Promise<Verdict>}
 */
export async function judge(world, patience) {
  const { system, history } = world
  const promised = history.filter(e => e.receipt === 'accepted' || e.receipt === 'duplicate')
  const values = [history.map(e => e.id), promised.map(e => e.id), [...new Set(history.map(e => e.device))], world.began]
  const end = Date.now() + patience * 1000
  let counts
  await until(async () => {
    counts = (await system.sql(statement, ...values).catch(() => []))[0] // it may still be coming back
    return (counts && !counts.missing && !counts.unhandled) || (counts && Date.now() > end)
  }, 'the database says what it holds', patience * 1000 + 60000)
  let shown
  await until(async () => !(shown = await difference(system).catch(error => error.message)) || Date.now() > end, 'the broker says what it keeps', patience * 1000 + 60000)

  // of a report that joined only its reporter is told by name; the case it joined is among those compared above
  const joined = new Set(counts.joined)
  const unseen = promised.filter(e => !e.delivered && !joined.has(e.id)).length
  const findings = []
  const find = (n, what) => { if (n) findings.push(`${n} ${what}`) }
  find(counts.missing, 'have a receipt and are not stored')
  find(counts.unhandled, 'have a receipt and reached neither a department nor the review queue')
  find(unseen, 'have a receipt and were not seen by whoever watches the departments')
  find(counts.doubled, 'are there more than once')
  find(counts.invented, 'were never sent')
  find(history.filter(e => e.sent && !e.receipt).length, 'are still held by their devices without a receipt')
  find(history.filter(e => e.receipt === 'rejected').length, 'were refused')
  if (shown) findings.push(`the desks see something else: ${shown}`)
  for (const [name, mib] of Object.entries(world.memory.peaks)) {
    if (mib > world.memory.limit(name)) findings.push(`${name} used ${mib} MiB, more than ${world.memory.limit(name)}`)
  }
  return {
    sent: history.filter(e => e.sent).length,
    accepted: promised.length,
    stored: counts.stored,
    delivered: promised.length - unseen,
    lost: counts.missing + Math.max(counts.unhandled, unseen),
    doubled: counts.doubled,
    gap: longestGap(history),
    memory: world.memory.peaks,
    findings,
  }
}

// SPDX-License-Identifier: Apache-2.0
// Cases for stories that need one in a certain state: reported by an officer, brought there by those whose job it is.
import { until } from './system.mjs'

/** Words that are like no other report's, so that nothing joins. */
export function unlike(length = 24) {
  return Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20000))).join('')
}

/**
 * A new case of its own. What it is about is led by market supervision with the police supporting, and a call back verifies it.
 * @param {import('./system.mjs').System} system
 */
export async function fresh(system, more = {}) {
  const { account = 'bomei-052', text = unlike(), ...rest } = more
  const reporter = await system.officer(account)
  const report = await reporter.report(text, { kind: 'counterfeit.fake_brand', area: '441581105207', ...rest })
  return { id: await system.caseOf(report), report, reporter }
}

/** How a case comes into each state, as steps of [account, action, what it needs]. */
const paths = {
  assigned: [],
  signed: [['bomei-market', 'sign']],
  in_progress: [['bomei-market', 'sign'], ['bomei-market', 'progress', { note: '已到现场' }]],
  suspended: [['bomei-market', 'sign'], ['bomei-market', 'suspend', { reason: '等待鉴定' }], ['bomei-command', 'approve']],
  resolved: [['bomei-market', 'sign'], ['bomei-market', 'resolve', { note: '已查封' }]],
  verified: [['bomei-market', 'sign'], ['bomei-market', 'resolve', { note: '已查封' }], ['bomei-command', 'call_back', { note: '店主确认' }]],
  closed: [['bomei-market', 'sign'], ['bomei-market', 'resolve', { note: '已查封' }], ['bomei-command', 'call_back', { note: '店主确认' }], ['bomei-command', 'close']],
  refused: [['bomei-command', 'refuse', { reason: '查无此事' }]],
}
export const states = [...Object.keys(paths), 'merged']

/** Brings a case that was just opened into a state. */
export async function bring(system, id, state) {
  if (state === 'merged') {
    const { id: into } = await fresh(system)
    await (await system.desk('bomei-command')).does('merge', id, { into })
    return
  }
  for (const [account, action, more] of paths[state]) await (await system.desk(account)).does(action, id, more)
}

export async function freshIn(system, state, more) {
  const made = await fresh(system, more)
  await bring(system, made.id, state)
  return made
}

/** A report that waits for the command centre. */
export async function waiting(system, account = 'bomei-053') {
  const reporter = await system.officer(account)
  const report = await reporter.report(`你好，吃饭了吗，哈哈哈 ${unlike(4)}`, { area: '441581105207' })
  await until(async () => (await system.sql(`select from minqing.reviews where report = $1 and state = 'waiting'`, report.id)).length, 'it waits for review')
  return { report, reporter }
}

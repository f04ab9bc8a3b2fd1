// SPDX-License-Identifier: Apache-2.0
import { flood } from '../../harness/flood.mjs'

export const name = 'one device floods with 5,000 messages a second while others report: their receipts come within 5 s'

export async function run(world) {
  const seconds = world.long ? 40 : 8
  const load = world.load({ rate: 40, seconds })
  await load.flows(20)
  world.faults++
  const { sent, receipts } = await flood(world.system, 'bomei-081', { perSecond: 5000, seconds })
  await world.gather()
  const waits = world.history.filter(e => e.receipt_at).map(e => e.receipt_at - e.sent).sort((a, b) => a - b)
  const p99 = waits[Math.floor(waits.length * 0.99)]
  const { later = 0 } = receipts()
  console.log(`# ${sent} messages in the flood, ${later} answered later; the others' receipts: p50 ${waits[waits.length >> 1].toFixed(0)}, p99 ${p99.toFixed(0)} ms`)
  if (p99 > 5000) throw new Error(`the others' receipts took ${p99} ms (p99)`)
  if (!later) throw new Error('the flooding device was never told to come later')
}

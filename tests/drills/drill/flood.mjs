// SPDX-License-Identifier: Apache-2.0
import { Flood } from '../flood.mjs'

export const name = 'one device floods with 5,000 messages a second while others report: their receipts come within 5 s'

export async function run(world) {
  const load = world.load({ rate: 40, seconds: world.long ? 40 : 8 })
  await load.flows(20)
  world.faults++
  const flood = await Flood.start(world.system, 'bomei-081', 5000)
  await load.ended
  await flood.stop()
  await world.gather()
  const waits = world.history.filter(e => e.receipt_at).map(e => e.receipt_at - e.sent).sort((a, b) => a - b)
  const p99 = waits[Math.floor(waits.length * 0.99)]
  console.log(`# ${flood.sent} messages in the flood, ${flood.later} answered later; the others' receipts: p50 ${waits[waits.length >> 1].toFixed(0)}, p99 ${p99.toFixed(0)} ms`)
  if (p99 > 5000) throw new Error(`the others' receipts took ${p99} ms (p99)`)
  if (!flood.later) throw new Error('the flooding device was never told to come later')
}

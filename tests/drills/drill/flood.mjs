// SPDX-License-Identifier: Apache-2.0
import { flood } from '../../harness/flood.mjs'

export const name = 'one device sends 5,000 reports a second while the others work'

const WILD = 'bomei-084' // none of those that report

export async function run(world) {
  const seconds = world.long ? 60 : 8
  const load = world.load({ rate: 60, seconds: seconds + 2 })
  await load.flows()
  world.faults++
  const { sent, receipts } = await flood(world.system, WILD, { perSecond: 5000, seconds })
  if (!receipts().later) throw new Error(`of ${sent} messages none was answered with later: ${JSON.stringify(receipts())}`)
  await world.gather()
  const waits = world.history.filter(e => e.receipt_at).map(e => e.receipt_at - e.sent).sort((a, b) => a - b)
  const p99 = waits[Math.floor(waits.length * 0.99)]
  // after 2 s without a receipt a device sends again, so this is no timing of the machine: it is two resends
  if (!(p99 < 5000)) throw new Error(`the others waited for their receipts ${p99} ms (p99)`)
}

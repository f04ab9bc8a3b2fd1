// SPDX-License-Identifier: Apache-2.0
// What a broker keeps for a desk that is away is bounded, and the rest is dropped in silence: what is live must reach it all the same.
import { readFileSync, writeFileSync } from 'node:fs'
import { deskCatchesUp, leaveSession } from '../desk.mjs'

export const name = 'the queue that the broker keeps for a slow desk overflows'

export async function run(world) {
  const file = `${world.system.folder}/broker/mosquitto.conf`
  const before = readFileSync(file, 'utf8')
  await leaveSession(world, 'bomei-fire', 'minqing/department/fire/441581/441581105/case/+')
  await world.system.restart('mosquitto', () => writeFileSync(file, before.replace(/max_queued_messages \d+/, 'max_queued_messages 5')))
  try {
    world.load({ rate: 60, seconds: world.long ? 40 : 8 })
    world.faults++
    await world.gather()
  } finally {
    await world.system.restart('mosquitto', () => writeFileSync(file, before))
  }
  await deskCatchesUp(world, 'bomei-fire', 'minqing/department/fire/441581/441581105/case/+')
}

// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs'

export const name = 'the broker comes back with an empty store'

export async function run(world) {
  const load = world.load({ rate: 60, seconds: world.long ? 40 : 8 })
  for (let n = 0; n < (world.long ? 5 : 1); n++) {
    await load.flows(100)
    world.faults++
    await world.system.restart('mosquitto', () => rmSync(`${world.system.folder}/broker/mosquitto.db`))
  }
}

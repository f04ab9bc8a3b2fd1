// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'

export const name = 'PostgreSQL is away under load'

export async function run(world) {
  const load = world.load({ rate: 60, seconds: world.long ? 90 : 12 })
  await load.flows(60)
  world.faults++
  const away = world.long ? 60000 : 5000
  await world.system.restart('postgresql', () => once(AbortSignal.timeout(away), 'abort'))
}

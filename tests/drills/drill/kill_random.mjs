// SPDX-License-Identifier: Apache-2.0
export const name = 'each service is killed at random moments, again and again'

export async function run(world) {
  const load = world.load(world.long ? { rate: 100, seconds: 90 } : { rate: 50, seconds: 10 })
  await load.flows()
  for (let n = 0; n < (world.long ? 50 : 8); n++) {
    await world.kill(['ingest', 'classifier', 'dispatcher', 'notifier'][n % 4])
    await load.flows(world.between(5, 40))
  }
}

// SPDX-License-Identifier: Apache-2.0
export const name = 'all services are killed at once'

export async function run(world) {
  const load = world.load({ rate: 60, seconds: world.long ? 30 : 8 })
  for (let n = 0; n < (world.long ? 10 : 2); n++) {
    await load.flows(world.between(20, 60))
    await Promise.all(['ingest', 'classifier', 'dispatcher', 'notifier'].map(service => world.kill(service)))
  }
}

// SPDX-License-Identifier: Apache-2.0
// The points of common/drill.h: 1 in the arrival callback, 2 statement sent, 3 committed, 4 about to speak, 5 answered and not confirmed.
export const name = 'each service is killed at each numbered point'

const POINTS = [
  ['ingest', 1], ['ingest', 2], ['ingest', 3], ['ingest', 4],
  ['classifier', 1], ['classifier', 2], ['classifier', 3], ['classifier', 4],
  ['dispatcher', 1], ['dispatcher', 2], ['dispatcher', 3], ['dispatcher', 4],
  ['notifier', 1], ['notifier', 2], ['notifier', 3], ['notifier', 4], ['notifier', 5],
]

export async function run(world) {
  for (let round = 0; round < (world.long ? 3 : 1); round++) {
    const load = world.load({ rate: 30, seconds: world.long ? 60 : 30 })
    await load.flows()
    for (const [service, point] of POINTS) await world.killAt(`minqing-${service}`, point)
    await world.gather()
  }
}

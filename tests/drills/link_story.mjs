// SPDX-License-Identifier: Apache-2.0
// What is done to each link in turn.
import { until } from '../harness/system.mjs'

/**
 * Breaks a link in every way while officers report. What only silence tells is mended once somebody has noticed it and come again.
 * @param {import('./world.mjs').World} world @param {import('./proxy.mjs').Link} link @param {{rate: number, seconds: number}} size
 */
export async function breakInEveryWay(world, link, load) {
  for (let round = 0; round < (world.long ? 3 : 1); round++) {
    for (const ways of ['reset', 'slow', 'bytes', 'cut', 'halfOpen']) {
      await load.flows(10)
      const before = link.visits
      world.faults++
      link[ways](world.between(20, 120))
      if (ways === 'slow' || ways === 'bytes') await load.flows(10)
      else await until(() => link.visits > before, `somebody notices that the link is ${ways} and comes again`, 90000)
      link.mend()
    }
  }
}

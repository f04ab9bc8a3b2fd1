// SPDX-License-Identifier: Apache-2.0
import { caught } from '../caught.mjs'

export const name = 'the judge notices when no sweep brings what no message brought'

export const run = world => caught(world, 'backlog', /reached neither a department nor the review queue/, async () => {
  const load = world.load({ rate: 100, seconds: 5 })
  await load.flows()
  for (const service of ['classifier', 'dispatcher', 'notifier']) await world.killAt(`minqing-${service}`, 1)
})

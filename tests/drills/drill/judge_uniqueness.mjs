// SPDX-License-Identifier: Apache-2.0
import { caught } from '../caught.mjs'

export const name = 'the judge notices what is stored twice'

export const run = world => caught(world, 'uniqueness', /are there more than once/, async () => {
  const load = world.load({ rate: 100, seconds: 5 })
  await load.flows()
  for (let n = 0; n < 3; n++) await world.killAt('minqing-ingest', 4)
})

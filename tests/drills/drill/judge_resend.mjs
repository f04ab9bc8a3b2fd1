// SPDX-License-Identifier: Apache-2.0
import { caught } from '../caught.mjs'

export const name = 'the judge notices a device that does not send again'

export const run = world => caught(world, 'resend', /still held by their devices without a receipt/, async () => {
  const load = world.load({ rate: 100, seconds: 5 })
  await load.flows()
  for (let n = 0; n < 3; n++) await world.killAt('minqing-ingest', 3)
})

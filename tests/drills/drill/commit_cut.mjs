// SPDX-License-Identifier: Apache-2.0
import { Link } from '../proxy.mjs'

export const name = 'the answer to a commit is cut off: nobody knows whether it was done'

export async function run(world) {
  const link = await Link.to(world.ports.database)
  try {
    await world.through({ database: link.port }, async () => {
      const load = world.load({ rate: 30, seconds: world.long ? 40 : 8 })
      for (let n = 0; n < (world.long ? 20 : 4); n++) {
        await load.flows(world.between(10, 40))
        world.faults++
        link.mute()
        await load.flows(1) // committed, and nobody was told
        link.mend()
      }
      await world.gather()
    })
  } finally {
    link.close()
  }
}

// SPDX-License-Identifier: Apache-2.0
import { breakInEveryWay } from '../link_story.mjs'
import { Link } from '../proxy.mjs'

export const name = 'the link between devices and broker: reset, slow, byte by byte, cut, half open'

export async function run(world) {
  const link = await Link.to(world.ports.broker)
  try {
    await breakInEveryWay(world, link, world.load({ rate: 10, seconds: world.long ? 90 : 20, officers: 4, port: link.port }))
    await world.gather()
  } finally {
    link.close()
  }
}

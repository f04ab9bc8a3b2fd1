// SPDX-License-Identifier: Apache-2.0
import { deskCatchesUp, leaveSession } from '../desk.mjs'

export const name = 'a department is offline through kills of broker and services, then connects'

export async function run(world) {
  await leaveSession(world, 'bomei-fire', 'minqing/department/fire/441581/441581105/case/+')
  const load = world.load({ rate: 60, seconds: world.long ? 30 : 8 })
  for (const service of ['notifier', 'mosquitto', 'dispatcher']) {
    await load.flows(60)
    await world.kill(service)
  }
  await world.gather()
  await deskCatchesUp(world, 'bomei-fire', 'minqing/department/fire/441581/441581105/case/+')
}

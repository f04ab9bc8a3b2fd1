// SPDX-License-Identifier: Apache-2.0
// A desk that goes away with a durable session and comes back.
import { until } from '../harness/system.mjs'

const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } }

/** The desk listens once and goes; the broker keeps its session. */
export async function leaveSession(world, account, filter) {
  const desk = await world.system.connect(account, { ...durable, clientId: account })
  await desk.subscribe(filter)
  await desk.end()
}

/** The desk comes back, subscribes as desks do, and is shown every live case of its department, none of them as it was before. */
export async function deskCatchesUp(world, account, filter) {
  const department = filter.split('/')[2]
  const desk = await world.system.connect(account, { ...durable, clientId: account })
  await desk.subscribe(filter)
  const shown = () => {
    const latest = new Map()
    for (const { topic, payload } of desk.messages) {
      const id = topic.split('/')[6]
      if (!payload.length) latest.delete(id)
      else latest.set(id, JSON.parse(payload.toString()).version)
    }
    return latest
  }
  await until(async () => {
    const live = await world.system.sql(`select ref, version from minqing.v_announcements
      where topic = 1 and live and audience = $1 and scope = '441581105'`, department)
    const latest = shown()
    return latest.size === live.length && live.every(({ ref, version }) => latest.get(ref) >= Number(version))
  }, `${account} sees every live case as it is`, 20000)
  await desk.end()
}

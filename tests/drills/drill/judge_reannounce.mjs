// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs'
import { until } from '../../harness/system.mjs'
import { caught } from '../caught.mjs'
import { difference } from '../judge.mjs'

export const name = 'the judge notices a broker that was not told again what is live'

export async function run(world) {
  const empty = () => world.system.restart('mosquitto', () => rmSync(`${world.system.folder}/broker/mosquitto.db`))
  const verdict = await caught(world, 'reannounce', /the desks see something else/, async () => {
    const load = world.load({ rate: 60, seconds: 5 })
    await load.flows(50)
    world.faults++
    await empty()
  })
  await empty()
  await until(async () => !(await difference(world.system).catch(error => error.message)), 'the broker is told again', 60000)
  return verdict
}

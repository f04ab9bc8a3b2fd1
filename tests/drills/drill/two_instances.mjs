// SPDX-License-Identifier: Apache-2.0
import { until } from '../../harness/system.mjs'

export const name = 'ingest, classifier and dispatcher run twice, and one of each is killed'

export async function run(world) {
  const { system } = world
  const seconds = ['ingest', 'classifier', 'dispatcher'].map(service => [service, system.spawnService(service, 'second')])
  const operator = await system.operator('bomei-command')
  await operator.client.subscribe('minqing/health/+/+')
  for (const [service] of seconds) {
    await operator.client.next(m => m.topic === `minqing/health/${service}/second` && m.payload.length, `the second ${service} is up`, 20000)
  }
  const load = world.load({ rate: 60, seconds: world.long ? 40 : 10 })
  for (const [service, child] of seconds) {
    await load.flows(50)
    world.faults++
    if (world.random() < 0.5) await world.system.kill(service)
    else child.kill('SIGKILL')
  }
  await load.flows(50)
  await world.gather()
  for (const [, child] of seconds) child.kill('SIGTERM')
  await until(() => seconds.every(([, child]) => child.exitCode !== null || child.signalCode !== null), 'the second ones end')
}

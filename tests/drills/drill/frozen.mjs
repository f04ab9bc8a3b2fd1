// SPDX-License-Identifier: Apache-2.0
// The broker gives a silent client up after one and a half keep-alives and tells its last will: then it is woken.
export const name = 'a service is frozen for longer than the keep-alive'

export async function run(world) {
  const operator = await world.system.operator('bomei-command')
  await operator.client.subscribe('minqing/health/+/+')
  const load = world.load({ rate: 40, seconds: world.long ? 60 : 12 })
  const groups = world.long ? [['ingest'], ['classifier'], ['dispatcher'], ['notifier']] : [['ingest', 'notifier'], ['classifier', 'dispatcher']]
  for (const services of groups) {
    await load.flows(30)
    const told = operator.client.messages.length
    for (const service of services) world.signal(service, 'SIGSTOP')
    for (const service of services) {
      await operator.client.next((m, at) => at >= told && m.topic.startsWith(`minqing/health/${service}/`) && /"down"/.test(m.payload.toString()),
        `the last will of ${service}`, 30000)
    }
    for (const service of services) process.kill(world.system.pid(service), 'SIGCONT')
  }
}

// SPDX-License-Identifier: Apache-2.0
// One notifier is active, the other stands by; the desks must never see an older state last, whoever speaks.
import { until } from '../../harness/system.mjs'

export const name = 'a second notifier is started, the first killed, then the second'

const active = async system => (await system.sql(`select a.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and a.application_name = 'minqing-notifier'`))[0]?.pid

export async function run(world) {
  const { system } = world
  const load = world.load({ rate: 50, seconds: world.long ? 40 : 10 })
  for (let round = 0; round < (world.long ? 5 : 1); round++) {
    await load.flows(40)
    const first = await until(() => active(system), 'a notifier is active')
    const second = system.spawnService('notifier', 'second')
    await load.flows(40)
    await world.kill('notifier')
    await until(async () => ![undefined, first].includes(await active(system)), 'another notifier is active', 30000)
    await load.flows(40)
    world.faults++
    second.kill('SIGKILL')
  }
}

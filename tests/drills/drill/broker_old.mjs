// SPDX-License-Identifier: Apache-2.0
// A broker that is killed after it saved comes back with what it had then, and believes it.
import { statSync } from 'node:fs'
import net from 'node:net'
import { until } from '../../harness/system.mjs'
import { difference } from '../judge.mjs'

export const name = 'the broker comes back with an old store: within five seconds no desk is shown a closed case or an older version'

const listens = port => new Promise(resolve => {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('connect', () => { socket.destroy(); resolve(true) }).on('error', () => resolve(false))
})

export async function run(world) {
  const { system } = world
  world.load({ rate: 160, seconds: 12 })
  await world.gather()
  const [{ live }] = await system.sql(`select count(distinct ref)::int as live from minqing.announcements where topic = 1 and live`)
  if (live < 1000) throw new Error(`only ${live} cases are live`)
  const saved = () => statSync(`${system.folder}/broker/mosquitto.db`, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const before = saved()
  process.kill(system.pid('mosquitto'), 'SIGUSR1')
  await until(() => saved() > before, 'the broker has saved')

  const operator = await system.operator('bomei-command')
  const ended = await system.sql(`select id from minqing.cases where state = 'assigned' and not restricted order by id limit 200`)
  for (let at = 0; at < ended.length; at += 20) {
    await Promise.all(ended.slice(at, at + 20).map(({ id }) => operator.act({ action: 'refuse', case: id, reason: '查无此事' })))
  }
  const raised = await system.sql(`select id from minqing.cases where state = 'assigned' and not restricted order by id limit 100`)
  for (let at = 0; at < raised.length; at += 20) {
    await Promise.all(raised.slice(at, at + 20).map(({ id }) => operator.act({ action: 'supervise', case: id, note: '请尽快' })))
  }
  await until(async () => !(await difference(system)), 'the broker knows what has ended')
  await world.kill('mosquitto')
  await until(() => listens(world.ports.broker), 'the broker listens again')
  await until(async () => !(await difference(system).catch(error => error.message)), 'every desk is shown what is', 5000)
}

// SPDX-License-Identifier: Apache-2.0
// After the holiday: many devices kept reports where there was no signal, and come back within a minute.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { until } from '../../harness/system.mjs'
import { Link } from '../proxy.mjs'

export const name = 'many devices reconnect within a minute with thousands of kept reports'

/** Accounts of so many officers, made the way the town makes them. */
async function officers(world, count) {
  const list = path.join(world.folder, 'officers.tsv')
  const secrets = path.join(world.folder, 'devices')
  const rows = Array.from({ length: count }, (_, i) => `holiday-${String(i).padStart(3, '0')}\tdevice\t网格员${i}\t441581105001001\t-\tbomei-1-1`)
  writeFileSync(list, ['account\trole\tname\tarea\tdepartment\tunit', ...rows, ''].join('\n'))
  const { status, stderr } = await world.system.run('minqing', 'account', 'import', list, '--secrets-file', secrets)
  if (status) throw new Error(stderr)
  execFileSync('chmod', ['600', secrets])
  return secrets
}

export async function run(world) {
  const [devices, reports] = world.long ? [300, 5000] : [60, 1000]
  const accounts = await officers(world, devices)
  const link = await Link.to(world.ports.broker)
  try {
    const load = world.load({ officers: devices, rate: reports, seconds: 1, accounts, port: link.port })
    await load.flows(1) // all are connected, and most of what they have is still with them
    world.faults++
    link.cut()
    const before = link.visits
    await until(() => link.visits > before + devices, 'all have tried in vain', 60000)
    link.mend()
    await world.gather()
  } finally {
    link.close()
  }
}

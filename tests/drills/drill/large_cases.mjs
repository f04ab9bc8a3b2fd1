// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { until } from '../../harness/system.mjs'

export const name = 'cases of many reports, each as long as can be, are all announced again'

export async function run(world) {
  const { system } = world
  world.load({ rate: 100, seconds: world.long ? 20 : 10 })
  await world.gather()
  await system.sql(`update minqing.reports set text = repeat('灾', 4000) where received_at >= $1`, world.began)
  const announced = () => readFileSync(`${system.folder}/log/notifier/current`, 'utf8').split('reannounce').length
  const before = announced()
  await world.kill('notifier')
  // what it may use meanwhile the judge knows
  await until(() => announced() > before, 'the notifier has announced everything again', 120000)
}

// SPDX-License-Identifier: Apache-2.0
import path from 'node:path'
import { until } from '../../harness/system.mjs'
import { Disk } from '../tmpfs.mjs'

export const name = 'the disk under the database is full, then has room again'

let disk
export const prepare = folder => { disk = Disk.at(path.join(folder, 'database'), 400) }
export const finish = () => disk.unmount()

const lines = async world => (await world.system.run('grep', '-rc', 'No space left', path.join(world.system.folder, 'log/postgresql/current'))).stdout.trim()

export async function run(world) {
  const load = world.load({ rate: 60, seconds: world.long ? 40 : 10 })
  for (let n = 0; n < (world.long ? 4 : 1); n++) {
    await load.flows(60)
    const before = await lines(world)
    world.faults++
    disk.fill()
    await until(async () => await lines(world) !== before, 'PostgreSQL finds no room', 60000)
    disk.free()
  }
}

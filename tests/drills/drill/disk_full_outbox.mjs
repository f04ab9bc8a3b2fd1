// SPDX-License-Identifier: Apache-2.0
// An officer without signal goes on reporting until the device's disk is full: what was said to be kept is sent all the same, the rest was
// refused. Then something else takes the last room: nothing can be kept until some is free again, and that is said.
import path from 'node:path'
import { unlike } from '../../harness/cases.mjs'
import { Disk } from '../tmpfs.mjs'

export const name = 'the disk under a device\'s outbox is full: what was kept arrives, what was not kept was refused'

export async function run(world) {
  const { system } = world
  const disk = Disk.at(path.join(world.folder, 'device'), 2)
  const device = (...args) => system.run('minqing-field', ...args, '--outbox', path.join(disk.folder, 'outbox.db'), '-u', 'bomei-070', '-P', system.devices['bomei-070'], '--json')
  try {
    const kept = []
    let refused = 0
    for (let n = 0; refused < 3 && n < 400; n++) {
      const { status, stdout, stderr } = await device('send', `第${n}条 ${unlike(3900)}`, '-p', '1')
      const said = stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)).find(e => e.event === 'kept')
      if (said) kept.push(said.id)
      else if (/disk full/.test(stderr)) refused++
      else throw new Error(`status ${status}: ${stdout}${stderr}`)
    }
    if (!refused) throw new Error('the disk was never full')
    world.faults++
    const sent = Date.now()
    const { stdout } = await device('flush')
    const now = Date.now()
    const accepted = new Set(stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)).filter(e => e.event === 'accepted').map(e => e.id))
    for (const id of kept) {
      world.history.push({ id, device: 'bomei-070', sends: 1, sent, taken: now, receipt: accepted.has(id) ? 'accepted' : null, receipt_at: now, delivered: now })
    }
    world.faults++
    disk.fill()
    const full = await device('send', '路灯不亮', '-p', '1')
    if (full.status !== 1 || !/disk full/.test(full.stderr)) throw new Error(`status ${full.status}: ${full.stdout}${full.stderr}`)
    disk.free()
    const id = (await device('send', '路灯还是不亮')).stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)).find(e => e.event === 'accepted').id
    world.history.push({ id, device: 'bomei-070', sends: 1, sent: now, taken: now, receipt: 'accepted', receipt_at: now, delivered: now })
  } finally {
    disk.unmount()
  }
}

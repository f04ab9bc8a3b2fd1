// SPDX-License-Identifier: Apache-2.0
// A locked table lets the receipt out and keeps the commit back; then the service ends, and its session with what it had asked for.
import { randomUUID } from 'node:crypto'
import { caught } from '../caught.mjs'
import { json, report } from '../../harness/system.mjs'

export const name = 'the judge notices receipts that come before the commit'

const ACCOUNT = 'bomei-083'

export const run = world => caught(world, 'commit_first', /have a receipt and are not stored/, async () => {
  const device = await world.system.connect(ACCOUNT)
  await device.subscribe(`minqing/field/${ACCOUNT}/receipt`)
  const owner = await world.system.sqlClient()
  try {
    await owner.query('begin; lock table minqing.reports in share mode')
    const sent = Date.now()
    const told = report(`山上冒烟 ${randomUUID()}`, { area: '441581105207' })
    await device.publish(`minqing/field/${ACCOUNT}/report`, JSON.stringify(told))
    const receipt = json(await device.next(m => json(m).id === told.id, 'a receipt for what cannot be committed'))
    world.history.push({ id: told.id, device: ACCOUNT, sends: 1, sent, taken: sent, receipt: receipt.status, receipt_at: Date.now(), delivered: null })
    await world.kill('ingest')
    await owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'minqing-ingest'`)
  } finally {
    owner.release(true)
  }
})

// SPDX-License-Identifier: Apache-2.0
import { caught } from '../caught.mjs'

export const name = 'the judge notices receipts that come before the commit'

export const run = world => caught(world, 'commit_first', /have a receipt and are not stored/, async () => {
  const load = world.load({ rate: 60, seconds: 6 })
  await load.flows()
  const owner = await world.system.sqlClient()
  await owner.query('begin; lock table minqing.reports in share mode')
  const device = await world.system.connect('bomei-001')
  await device.subscribe('minqing/field/+/receipt')
  await device.next(m => /"accepted"/.test(m.payload.toString()), 'a receipt for what cannot be committed')
  await world.kill('ingest')
  world.signal('postgresql', 'SIGQUIT')
  owner.release(true)
})

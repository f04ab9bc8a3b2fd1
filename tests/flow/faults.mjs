// SPDX-License-Identifier: Apache-2.0
// Services are killed while reports flow: what was accepted arrives all the same.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '../harness/system.mjs'

/** Reports that ended nowhere: neither announced to a department nor waiting for review. */
const lost = `
  select r.id
  from minqing.reports r
  where not exists (select from minqing.case_reports c join minqing.announcements a on a.ref = c."case" and a.topic in (1, 2)
                    where c.report = r.id and a.published_version >= a.version)
    and not exists (select from minqing.announcements a where a.ref = r.id and a.topic = 3 and a.published_version >= a.version)`

export function stories(system) {
  for (const service of ['ingest', 'classifier', 'dispatcher', 'notifier']) {
    test(`${service} is killed while officers report: every accepted report arrives`, async () => {
      const [{ before }] = await system.sql('select count(*)::int as before from minqing.reports')
      const simulation = system.spawn('minqing-field', 'simulate', '--officers', '20', '--rate', '100', '--seconds', '6', '--settle', '40', '--json',
        '--seed', String(service.length))
      let output = ''
      simulation.stdout.on('data', data => { output += data })
      const ended = new Promise(resolve => simulation.on('close', resolve))
      await until(async () => (await system.sql('select count(*)::int as n from minqing.reports'))[0].n > before + 50, 'reports flow', 30000)
      await system.kill(service)
      await until(async () => (await system.sql('select count(*)::int as n from minqing.reports'))[0].n > before + 250, 'reports flow on', 30000)
      await system.kill(service)
      assert.equal(await ended, 0, output)
      const result = JSON.parse(output.trim().split('\n').at(-1))
      assert.equal(result.missing, 0, output)
      await until(async () => (await system.sql(lost)).length === 0, 'nothing is lost', 20000)
    })
  }

  test('a broker that lost its store is told all live cases again', async () => {
    const [{ id }] = await system.sql(`select "case"::text as id from minqing.announcements a join minqing.case_reports c on c."case" = a.ref
      where a.topic = 1 and a.audience = 'fire' and a.live limit 1`)
    await system.restart('mosquitto', () => rmSync(`${system.folder}/broker/mosquitto.db`))
    const desk = await until(async () => {
      try {
        return await system.connect('bomei-fire')
      } catch {
        return null
      }
    }, 'the broker listens again')
    await desk.subscribe('minqing/department/fire/441581/441581105/case/+')
    await desk.next(m => m.topic.endsWith(id) && m.payload.length > 0, 'the live case', 20000)
  })

  test('PostgreSQL is stopped at once under load and comes back: every accepted report arrives', async () => {
    const [{ before }] = await system.sql('select count(*)::int as before from minqing.reports')
    const simulation = system.spawn('minqing-field', 'simulate', '--officers', '20', '--rate', '100', '--seconds', '6', '--settle', '60', '--json',
      '--seed', '77')
    let output = ''
    simulation.stdout.on('data', data => { output += data })
    const ended = new Promise(resolve => simulation.on('close', resolve))
    await until(async () => (await system.sql('select count(*)::int as n from minqing.reports'))[0].n > before + 50, 'reports flow', 30000)
    await system.kill('postgresql')
    assert.equal(await ended, 0, output)
    assert.equal(JSON.parse(output.trim().split('\n').at(-1)).missing, 0, output)
    await until(async () => (await system.sql(lost).catch(() => [1])).length === 0, 'nothing is lost', 20000)
  })
}

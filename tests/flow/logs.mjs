// SPDX-License-Identifier: Apache-2.0
// The logs of a whole run, read by a machine: every line is one object, a fault is one line, and nobody's data are in it.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { json, report, root, until } from '../harness/system.mjs'

const services = ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook']
const levels = ['error', 'warning', 'info', 'debug']
const secret = { text: '陈阿婆家中被盗电话一三九', name: '陈阿婆甲', phone: '13912345678' }

export function stories(system) {
  const runFile = service => path.join(system.folder, 'service', service, 'run')
  const started = {}, kept = {}

  /** Lines of a service's log since it started for this story, without svlogd's own time. */
  const lines = service => {
    const all = readFileSync(path.join(system.folder, 'log', service, 'current'), 'utf8').slice(started[service]).split('\n').slice(0, -1).map(line => line.replace(/^\S+ /, ''))
    const first = all.findIndex(line => line.startsWith('{'))
    return first < 0 ? [] : all.slice(first)
  }
  const events = service => lines(service).map(line => JSON.parse(line))
  const count = (service, event) => events(service).filter(e => e.event === event).length

  test('the services start with MINQING_LOG_FORMAT=json', async () => {
    for (const service of services) {
      kept[service] = readFileSync(runFile(service), 'utf8')
      writeFileSync(runFile(service), kept[service].replace('exec \'', 'exec env MINQING_LOG_FORMAT=json \''))
      await system.restart(service, () => { started[service] = readFileSync(path.join(system.folder, 'log', service, 'current'), 'utf8').length })
    }
    await Promise.all(services.map(service => until(() => count(service, 'ready'), `${service} says that it is ready`, 30000)))
  })
  test('reports, good and bad, leave no word of themselves in any log', async () => {
    const account = 'bomei-045'
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const good = report(secret.text, { subject: { name: secret.name, phone: secret.phone } })
    await device.publish(`minqing/field/${account}/report`, JSON.stringify(good))
    await device.publish(`minqing/field/${account}/report`, JSON.stringify(report(secret.text, { severity: 9, subject: { name: secret.name, phone: secret.phone } })))
    await device.publish(`minqing/field/${account}/report`, `{"text":"${secret.text}","subject":{"name":"${secret.name}"`)
    await until(() => device.messages.filter(m => m.topic.endsWith('/receipt')).length === 3, 'three receipts')
    assert.deepEqual(device.messages.map(m => json(m).status).sort(), ['accepted', 'rejected', 'rejected'])
    // a statement that the database refuses, too, tells its fault without the row
    const ingest = await system.connect('ingest')
    await ingest.publish('minqing/stage/received', JSON.stringify([{ v: 1, id: good.id, text: secret.text, kind: 'no.such', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }]))
    await until(async () => (await system.sql('select from minqing.classifications where report = $1', good.id)).length, 'it is classified')
  })

  test('the database is away for five seconds: one line when it goes, one when it is back, of each service', async () => {
    const before = Object.fromEntries(services.map(service => [service, lines(service).length]))
    await system.restart('postgresql', async () => {
      await Promise.all(services.map(service => until(() => count(service, 'database-away'), `${service} says that the database is away`)))
      await new Promise(resolve => setTimeout(resolve, 5000))
    })
    await Promise.all(services.map(service => until(() => count(service, 'database-back'), `${service} says that it is back`, 30000)))
    for (const service of services) {
      const said = events(service).slice(before[service]).map(e => e.event)
      assert.equal(said.filter(event => event === 'database-away').length, 1, `${service}: ${said}`)
      assert.equal(said.filter(event => event === 'database-back').length, 1, `${service}: ${said}`)
      assert.ok(said.length <= 6, `no flood of ${service}: ${said}`)
    }
  })

  test('the broker is away: one line when it goes, one when it is back, of each service', async () => {
    const before = Object.fromEntries(services.map(service => [service, lines(service).length]))
    const said = service => events(service).slice(before[service]).map(e => e.event)
    await system.restart('mosquitto', () => Promise.all(services.map(service => until(() => said(service).includes('broker-away'), `${service} says that the broker is away`))))
    await Promise.all(services.map(service => until(() => said(service).includes('broker-back'), `${service} says that it is back`, 30000)))
    for (const service of services) {
      assert.equal(said(service).filter(event => event === 'broker-away').length, 1, `${service}: ${said(service)}`)
      assert.equal(said(service).filter(event => event === 'broker-back').length, 1, `${service}: ${said(service)}`)
      assert.ok(said(service).length <= 6, `no flood of ${service}: ${said(service)}`)
    }
  })

  test('every line of every service is one object with time, level, service, instance, event and message; docs name each event', async () => {
    const documented = readFileSync(path.join(root, 'docs/operations.md'), 'utf8')
    for (const service of services) {
      assert.ok(lines(service).length >= 6)
      for (const line of lines(service)) {
        const entry = JSON.parse(line)
        assert.ok(!Number.isNaN(Date.parse(entry.at)), line)
        assert.ok(levels.includes(entry.level), line)
        assert.deepEqual([entry.service, entry.instance], [service, '1'], line)
        assert.match(entry.event, /^[a-z]+(-[a-z]+)*$/, line)
        assert.ok(entry.message.length > 3, line)
        assert.ok(documented.includes(`\`${entry.event}\``), `docs/operations.md knows ${entry.event}`)
        for (const word of Object.values(secret)) assert.ok(!line.includes(word), `nobody's data: ${line}`)
      }
    }
    for (const service of services) {
      writeFileSync(runFile(service), kept[service])
      await system.restart(service)
    }
  })
}

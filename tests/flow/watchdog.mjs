// SPDX-License-Identifier: Apache-2.0
// A service that hangs is ended and started again; one that was frozen goes on. Nothing is lost either way.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

export function stories(system) {
  const runFile = service => path.join(system.folder, 'service', service, 'run')
  const logOf = service => readFileSync(path.join(system.folder, 'log', service, 'current'), 'utf8')

  /** Starts a service again by another run script, and waits until it is ready. */
  async function startBy(service, text) {
    let before
    writeFileSync(runFile(service), text)
    await system.restart(service, () => { before = logOf(service).length })
    await until(() => / ready: /.test(logOf(service).slice(before)), `${service} is ready`, 30000)
  }

  /** Starts a service with other settings in its environment, does `story`, and puts the old ones back. */
  async function withSettings(service, settings, story) {
    const text = readFileSync(runFile(service), 'utf8')
    try {
      await startBy(service, text.replace('exec \'', `exec env ${settings.join(' ')} '`))
      await story(system.pid(service))
    } finally {
      await startBy(service, text)
    }
  }

  /** Sends a report again and again, as a device does, until it has a receipt. */
  async function sendUntilReceipt(device, account, message) {
    await until(async () => {
      await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
      return device.messages.some(m => m.topic.endsWith('/receipt') && json(m).id === message.id && ['accepted', 'duplicate'].includes(json(m).status))
    }, 'the receipt', 30000)
  }

  test('ingest hangs in a statement: its watchdog says where, it is started again, and the report arrives', () => withSettings('ingest', ['MINQING_INGEST_WATCHDOG=2s'], async pid => {
    const account = 'bomei-042'
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const holder = await system.sqlClient()
    await holder.query('begin; lock table minqing.reports in access exclusive mode')
    const message = report('工地围挡倒塌')
    await until(async () => {
      await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
      return system.pid('ingest') && system.pid('ingest') !== pid
    }, 'the supervisor has started another', 40000)
    const line = logOf('ingest').split('\n').find(l => / watchdog: /.test(l))
    assert.match(line, /error ingest\/1 watchdog: the loop has not moved for 2 s, at: statement store_reports;/)
    assert.match(logOf('ingest'), /watchdog-stack: what the loop was doing; stack: .*minqing-ingest\(/)
    await holder.query('rollback')
    holder.release()
    await sendUntilReceipt(device, account, message)
    assert.ok(await system.caseOf(message).catch(() => null) || (await system.sql('select from minqing.reviews where report = $1', message.id)).length, 'it is handled')
  }))

  test('a statement that waits beyond its bound is given up and tried again; the service lives', () => withSettings('ingest', ['MINQING_DATABASE_STATEMENT_TIMEOUT=500ms'], async pid => {
    const account = 'bomei-043'
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const holder = await system.sqlClient()
    await holder.query('begin; lock table minqing.reports in access exclusive mode')
    const message = report('路灯杆漏电')
    await until(async () => {
      await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
      return /database-later: .*store_reports/.test(logOf('ingest'))
    }, 'the log says that the database cannot do it now', 30000)
    await holder.query('rollback')
    holder.release()
    await sendUntilReceipt(device, account, message)
    assert.equal(system.pid('ingest'), pid)
  }))

  // one that has been set up, and serves: ingest, which is ready, asks nothing by itself; the sender connects when it likes, and asks each second
  for (const [service, session, loop, serves] of [['ingest', 'minqing-ingest', 'loop', `state = 'idle'`], ['webhook', 'minqing-webhook-sender', 'sender of webhooks', `query like '--%'`]]) {
    test(`the database's session ${session} answers no more, though its connection stands: the ${loop} is ended, and a new session serves`, () =>
      withSettings(service, [`MINQING_${service.toUpperCase()}_WATCHDOG=2s`], async pid => {
        const sessionOf = async () => (await system.sql(`select pid from pg_stat_activity
          where application_name = $1 and ${serves} order by backend_start desc`, session))[0]?.pid
        const frozen = await until(sessionOf, 'the session')
        process.kill(frozen, 'SIGSTOP')
        const account = 'bomei-046'
        const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
        const message = report(`路口红绿灯不亮，${service}`)
        try {
          await until(async () => {
            await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
            return system.pid(service) && system.pid(service) !== pid
          }, 'the supervisor has started another', 40000)
          assert.match(logOf(service), new RegExp(`watchdog: the ${loop} has not moved for 2 s, at: statement `))
          await sendUntilReceipt(device, account, message)
          await until(async () => { const now = await sessionOf(); return now && now !== frozen }, 'a new session')
        } finally {
          process.kill(frozen, 'SIGCONT')
        }
      }))
  }

  test('a classifier frozen for longer than its keep-alive goes on by itself, and has lost nothing', () => withSettings('classifier', ['MINQING_MQTT_KEEP_ALIVE=1s', 'MINQING_CLASSIFIER_WATCHDOG=3s', 'MINQING_CLASSIFIER_HEALTH=500ms'], async pid => {
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/health/classifier/+')
    await operator.next(m => json(m).state === 'up' && json(m).pid === pid, 'it is up', 20000)
    process.kill(pid, 'SIGSTOP')
    await operator.next(m => json(m).state === 'down' && json(m).pid === pid, 'the broker has given it up', 30000)
    const account = 'bomei-044'
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const message = report('河道有死猪漂浮')
    await sendUntilReceipt(device, account, message)
    operator.messages.length = 0
    process.kill(pid, 'SIGCONT')
    await operator.next(m => json(m).state === 'up' && json(m).pid === pid, 'the same process is up again', 30000)
    await until(async () => (await system.sql('select from minqing.classifications where report = $1', message.id)).length, 'the report of the meantime is classified', 20000)
    assert.equal(system.pid('classifier'), pid)
  }))
}

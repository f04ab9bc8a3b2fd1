// SPDX-License-Identifier: Apache-2.0
// Accounts: who may connect, and who sees what.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { report, until } from '../harness/system.mjs'

async function refused(system, account, password) {
  try {
    await (await system.connect(account, { password })).end()
    return false
  } catch (error) {
    return /not auth|bad user/i.test(error.message)
  }
}

export function stories(system) {
  test('who gets a new password is told again where its cases stand: what waited under the old one is never fetched', async () => {
    const account = 'bomei-049', status = `minqing/field/${account}/status`, file = `${system.folder}/secret-049`
    const before = await (await system.connect(account)).subscribe(status, `minqing/field/${account}/receipt`)
    const seen = report('村口垃圾堆了三天，没有人清理')
    await before.publish(`minqing/field/${account}/report`, JSON.stringify(seen))
    const id = await system.caseOf(seen)
    const told = client => client.next(m => m.topic === status && m.payload.includes(id), 'where the case stands', 20000)
    await told(before)
    await until(async () => (await system.sql('select from minqing.announcements where ref = $1 and topic = 4 and version = published_version', id)).length, 'it counts as told')
    await before.end()
    assert.equal((await system.run('minqing', 'account', 'reset', account, '--secret-file', file)).status, 0)
    system.secrets[account] = system.devices[account] = readFileSync(file, 'utf8').trim()
    const after = await until(() => system.connect(account).catch(() => null), 'the new password is good')
    await after.subscribe(status)
    await after.publish(`minqing/field/${account}/report`, JSON.stringify(report('溪边有人倒建筑垃圾，味道很大')))
    await told(after)
  })

  test('an account is added, used, reset, locked within seconds', async () => {
    const file = `${system.folder}/secret-of-new`
    writeFileSync(file, 'first-secret-of-the-new-officer\n', { mode: 0o600 })
    const added = await system.run('minqing', 'account', 'add', 'bomei-new', '--role', 'device', '--name', '新来', '--area', '441581105202001',
      '--secret-file', file)
    assert.equal(added.status, 0, added.stderr)
    const connected = await until(async () => system.connect('bomei-new', { password: 'first-secret-of-the-new-officer' }).catch(() => null),
      'the new account connects')
    const closed = new Promise(resolve => connected.raw.once('close', resolve))
    assert.equal((await system.run('minqing', 'account', 'lock', 'bomei-new')).status, 0)
    await closed
    await connected.end()
    assert.ok(await refused(system, 'bomei-new', 'first-secret-of-the-new-officer'))
    const listed = await system.run('minqing', 'account', 'list', '--json')
    assert.equal(listed.stdout.split('\n').filter(Boolean).map(JSON.parse).find(a => a.account === 'bomei-new').locked, true)
  })

  test('a wrong password, and nobody, are refused', async () => {
    assert.ok(await refused(system, 'bomei-001', 'wrong'))
    assert.ok(await refused(system, 'nobody-knows', 'x'))
  })

  test('accounts publish only where they may', async () => {
    const attempts = [
      ['bomei-001', 'minqing/stage/received'], ['bomei-001', 'minqing/department/fire/441581/441581105/case/x'],
      ['bomei-001', 'minqing/command/441581/441581105/action/bomei-001'], ['bomei-001', 'minqing/field/bomei-002/visit'],
      ['bomei-001', 'minqing/health/ingest/1'], ['bomei-fire', 'minqing/department/police/441581/441581105/action/bomei-fire'],
      ['bomei-fire', 'minqing/department/fire/441581/441581104/action/bomei-fire'],
      ['bomei-fire', 'minqing/command/441581/441581105/action/bomei-fire'], ['bomei-fire', 'minqing/stage/dispatched'],
      ['bomei-command', 'minqing/command/441581/441581104/action/bomei-command'],
      ['bomei-command', 'minqing/command/441581/441581105/action/bomei-fire'], ['bomei-command', 'minqing/stream/441581/441581105/none/4'],
      ['ingest', 'minqing/stage/dispatched'], ['classifier', 'minqing/stage/received'], ['notifier', 'minqing/stage/classified'],
      ['webhook', 'minqing/stage/dispatched'],
    ]
    for (const [account, topic] of attempts) assert.equal(await (await system.connect(account)).publish(topic, '{}'), 0x87, `${account} to ${topic}`)
  })

  test('accounts hear only what they may', async () => {
    const nosy = [
      await (await system.connect('bomei-050')).subscribe('#', '$share/ingest/minqing/field/+/report'),
      await (await system.connect('bomei-fire')).subscribe('minqing/department/police/#', 'minqing/stream/#', 'minqing/stage/#', 'minqing/command/#'),
      await (await system.connect('bomei-command')).subscribe('minqing/field/#', 'minqing/stage/#', 'minqing/department/+/+/+/restricted/+'),
    ]
    const sent = await system.run('minqing-field', 'send', '派出所门口有人打架动刀', '--outbox', `${system.folder}/outbox-nosy`)
    assert.equal(sent.status, 0, sent.stderr)
    await until(async () => (await system.sql(`select from minqing.v_announcements a where a.topic = 1 and a.audience = 'police' and a.published_version > 0`)).length,
      'the case is with the police')
    for (const ear of nosy) assert.deepEqual(ear.messages.map(m => m.topic), [])
    // the first one has joined ingest's share, and what the broker gives it and may not deliver is lost until it is sent again
    for (const ear of nosy) await ear.end()
  })

  test('status and doctor-like questions at the terminal', async () => {
    // what earlier stories left behind is brought within seconds
    let status
    await until(async () => (status = await system.run('minqing', 'status', '--json')).status === 0, 'all is well', 30000)
      .catch(error => assert.fail(`${error.message}: ${status.stdout.replaceAll("\n", " ")}${status.stderr}`))
    for (const service of ['ingest', 'classifier', 'dispatcher', 'notifier', 'webhook']) assert.ok(status.stdout.includes(service))
    assert.equal((await system.run('minqing', 'nonsense')).status, 2)
    assert.equal((await system.run('minqing', 'report', 'show', '00000000-0000-4000-8000-000000000000')).status, 1)
    const line = await Promise.all([
      system.run('minqing', 'watch', '--count', '1', '--timeout', '20', '--json'),
      (async () => {
        // the watcher may not have subscribed yet, so report until it has seen one
        for (let i = 0; i < 20; i++) await system.run('minqing-field', 'send', `第${i}次巡查发现电线起火`, '--outbox', `${system.folder}/outbox-w`, '--wait-status', '0')
      })(),
    ])
    assert.equal(line[0].status, 0, line[0].stderr)
    assert.equal(JSON.parse(line[0].stdout.split('\n')[0]).v, 1)
  })

  test('migrate changes nothing the second time', async () => {
    const again = await system.run('minqing', 'migrate')
    assert.equal(again.status, 0, again.stderr)
  })
}

// SPDX-License-Identifier: Apache-2.0
// What a hostile or broken MQTT client can do: each packet is refused by the broker with its reason, or taken and then handled or kept in
// rejections; and whatever it does, the next report of an honest device is accepted.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshIn, unlike } from '../harness/cases.mjs'
import { rejectedWhile } from '../harness/exchange.mjs'
import { Raw, id, property, publish } from '../harness/raw.mjs'
import { json, report, until } from '../harness/system.mjs'

const account = 'bomei-016', other = 'bomei-017'
const topic = `minqing/field/${account}/report`
const good = () => report('巡查发现电线老化打火花')

/** What may be done with any topic that is not the device's own: not authorized. */
const notAllowed = [
  `${topic}/more`, `minqing/field/${account}`, `minqing/field/${account}/`, 'minqing/field//report', `/${topic}`, `minqing/field/${account}/Report`, `${topic} `, ` ${topic}`, topic.toUpperCase(),
  `minqing/field/${account}/receipt`, `minqing/field/${account}/status`, `minqing/field/${account}/task`, `minqing/field/${account}/attachment`, `minqing/field/${other}/report`,
  'minqing/field/nobody-at-all/report', 'minqing/stage/received', 'minqing/stage/answered', 'minqing/stage/classified', 'minqing/stage/dispatched', `minqing/reply/${other}/action`,
  `minqing/reply/${account}/action`, `minqing/query/${other}/cases`, 'minqing/health/ingest/1', 'minqing/stream/441581/441581105/fire_safety/4',
  'minqing/department/fire/441581/441581105/action/bomei-fire', 'minqing/department/fire/441581/441581105/case/1', `minqing/command/441581/441581105/action/${account}`,
  `minqing/command/441581/441581105/report/${account}`, '$SYS/broker/uptime', '$share/ingest/minqing/field/+x', `$share/ingest/${topic}`, '$minqing/x', '/', '////', ' ', '\ufeff', '山', 'a'.repeat(65535),
].filter(name => !name.includes('+'))

/** What is no topic of a message: the connection ends with a reason. */
const malformed = [
  ['a wildcard', [`minqing/field/+/report`, `minqing/field/${account}/#`, '#', '+', `${topic}/#`, `${topic}+`]],
  ['nothing', ['']],
  ['300 levels', ['a/'.repeat(300)]],
  ['no UTF-8', [Buffer.from([0xff, 0xfe]), Buffer.concat([Buffer.from(topic), Buffer.from([0xc0, 0x80])]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xe5, 0xb1])]],
  ['a control character', [`${topic}\0`, `minqing/field/${account}/\u0001`, `minqing/field/${account}/\u0085`, '\u007f']],
]

/** Properties that the broker takes: the report is accepted all the same. */
const taken = {
  'an expiry of nothing': [property.long(id.expiry, 0)],
  'an expiry of 136 years': [property.long(id.expiry, 0xffffffff)],
  'a payload that says it is bytes': [property.byte(id.payloadFormat, 0)],
  'a payload format that does not exist': [property.byte(id.payloadFormat, 2)],
  'another content type': [property.text(id.contentType, 'text/html; charset=gbk')],
  'a content type of 60 KB': [property.text(id.contentType, 'x'.repeat(60000))],
  'correlation data of 64 KB': [property.text(id.correlation, Buffer.alloc(65535, 0xff))],
  'correlation data of nothing': [property.text(id.correlation, '')],
  'two thousand user properties': Array.from({ length: 2000 }, (_, i) => property.user(`k${i}`, 'v'.repeat(500))),
  'user properties without name': [property.user('', ''), property.user('', '')],
  'a traceparent that is none, twice': [property.user('traceparent', "'; drop table reports; --"), property.user('traceparent', 'x'.repeat(60000))],
  'a traceparent of zeros': [property.user('traceparent', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)],
  'a subscription identifier': [property.byte(id.subscription, 1)],
  'another’s reply topic': [property.text(id.responseTopic, `minqing/reply/${other}/action`)],
  'a response topic that is a filter': [property.text(id.responseTopic, '#')],
  'a response topic between the services': [property.text(id.responseTopic, 'minqing/stage/received')],
  'an empty response topic': [property.text(id.responseTopic, '')],
  'a first topic alias': [property.short(id.alias, 1)],
}

/** Properties that end the connection. */
const broken = {
  'topic alias 0': [property.short(id.alias, 0)],
  'a topic alias beyond what the broker offers': [property.short(id.alias, 11)],
  'an unknown property': [property.byte(0x7f, 1)],
  'a property twice': [property.byte(id.payloadFormat, 1), property.byte(id.payloadFormat, 1)],
  'a response topic that is no UTF-8': [property.text(id.responseTopic, Buffer.from([0xff]))],
  'a user property that is no UTF-8': [property.user(Buffer.from([0xff]), 'x')],
}

export function stories(system) {
  let connected
  const listening = async () => connected ??= await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)

  async function accepted(what, wait = 10000) {
    const device = await listening(), fine = good()
    assert.equal(await device.publish(topic, JSON.stringify(fine)), 0, what)
    assert.equal(json(await device.next(m => m.payload.includes(fine.id), `the good report after ${what}`, wait)).status, 'accepted', what)
  }

  /** What came to be of one packet on a connection of its own. */
  async function alone(bytes, options) {
    const raw = await Raw.connect(system, account, options)
    const outcome = await raw.outcome(bytes)
    raw.end()
    return outcome
  }

  test('topics that are not the device’s own are refused by the broker, each with 0x87, and nothing of them arrives', async () => {
    const { rejected } = await rejectedWhile(system, async () => {
      const sent = good()
      for (const name of notAllowed) assert.equal(await alone(publish({ topic: name, payload: JSON.stringify(sent) })), 'puback 0x87', JSON.stringify(name.slice(0, 100)))
      await accepted('topics that are not its own')
      assert.deepEqual(await system.sql('select from minqing.reports where id = $1', sent.id), [])
    })
    assert.deepEqual(rejected, [])
  })

  for (const [what, topics] of malformed) {
    test(`a topic of ${what} ends the connection with a reason`, async () => {
      for (const name of topics) assert.match(await alone(publish({ topic: name, payload: '{}' })), /^disconnect 0x8[12]$/, JSON.stringify(name.toString().slice(0, 100)))
      await accepted(`a topic of ${what}`)
    })
  }

  for (const [what, properties] of Object.entries(taken)) {
    test(`a report with ${what} is accepted for what it says`, async () => {
      const device = await listening(), fine = good()
      assert.equal(await alone(publish({ topic, payload: JSON.stringify(fine), properties })), 'puback 0x0')
      const receipt = await device.next(m => m.payload.includes(fine.id), 'its receipt')
      assert.equal(json(receipt).status, 'accepted')
      assert.equal(receipt.topic, `minqing/field/${account}/receipt`)
      const [{ traceparent }] = await system.sql('select traceparent from minqing.reports where id = $1', fine.id)
      assert.match(traceparent, /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/)
    })
  }

  for (const [what, properties] of Object.entries(broken)) {
    test(`${what} ends the connection, and the report with it`, async () => {
      const lost = good()
      assert.match(await alone(publish({ topic, payload: JSON.stringify(lost), properties })), /^disconnect 0x(81|94)$|^closed$/)
      await accepted(what)
      assert.deepEqual(await system.sql('select from minqing.reports where id = $1', lost.id), [])
    })
  }

  test('a topic alias stands for its topic, and one that was never given ends the connection', async () => {
    const device = await listening(), one = good(), two = good()
    const raw = await Raw.connect(system, account)
    assert.equal(await raw.outcome(publish({ topic, payload: JSON.stringify(one), properties: [property.short(id.alias, 1)] })), 'puback 0x0')
    assert.equal(await raw.outcome(publish({ topic: '', packet: 2, payload: JSON.stringify(two), properties: [property.short(id.alias, 1)] }), 2), 'puback 0x0')
    for (const { id } of [one, two]) assert.equal(json(await device.next(m => m.payload.includes(id), 'its receipt')).status, 'accepted')
    assert.match(await raw.outcome(publish({ topic: '', packet: 3, payload: '{}', properties: [property.short(id.alias, 2)] }), 3), /^disconnect 0x82$|^closed$/)
  })

  test('payload that says it is UTF-8 and is not is refused by ingest, as is one that says nothing', async () => {
    const { rejected } = await rejectedWhile(system, async () => {
      for (const value of [0, 1]) {
        const key = randomUUID(), device = await listening()
        await alone(publish({ topic, payload: Buffer.from([0x7b, 0x22, 0xff, 0x22]), properties: [property.byte(id.payloadFormat, value), property.text(id.correlation, key)] }))
        const receipt = await device.next(m => m.packet.properties?.correlationData?.toString() === key, 'the refusal')
        assert.match(json(receipt).errors[0].message, /not UTF-8/)
      }
    })
    assert.equal(rejected.length, 2)
  })

  test('QoS 0 and QoS 2 bring a report as QoS 1 does, once; a second PUBLISH of the same exchange is no second report', async () => {
    const device = await listening(), zero = good(), two = good()
    const raw = await Raw.connect(system, account)
    raw.write(publish({ topic, qos: 0, payload: JSON.stringify(zero) }))
    const exactly = publish({ topic, qos: 2, packet: 9, payload: JSON.stringify(two) })
    assert.equal(await raw.outcome(exactly, 9), 'pubrec 0x0')
    raw.write(publish({ topic, qos: 2, packet: 9, payload: JSON.stringify(two), dup: true }))
    raw.send({ cmd: 'pubrel', messageId: 9 })
    await raw.until(p => p.cmd === 'pubcomp', 'PUBCOMP')
    for (const { id } of [zero, two]) assert.equal(json(await device.next(m => m.payload.includes(id), 'its receipt')).status, 'accepted')
    await accepted('QoS 2')
    assert.equal(device.messages.filter(m => m.payload.includes(two.id)).length, 1)
    assert.match(await alone(publish({ topic, qos: 3, payload: '{}' })), /^disconnect 0x81$/)
    raw.end()
  })

  for (const qos of [0, 1, 2]) {
    test(`a retained report at QoS ${qos} is refused and does not stay at the broker`, async () => {
      const device = await listening(), kept = good()
      const raw = await Raw.connect(system, account)
      raw.write(publish({ topic, qos, packet: 5, payload: JSON.stringify(kept), retain: true }))
      raw.send({ cmd: 'pubrel', messageId: 5 })
      const receipt = json(await device.next(m => m.payload.includes(kept.id), 'the refusal'))
      assert.equal(receipt.status, 'rejected')
      assert.match(receipt.errors[0].message, /must not be retained/)
      const late = await (await system.connect('ingest')).subscribe(topic)
      await accepted('a retained report')
      await late.next(m => m.topic === topic, 'the good report, at a late subscriber')
      assert.ok(!late.messages.some(m => m.payload.includes(kept.id)))
      await late.end()
      raw.end()
    })
  }

  test('answers never go where the asker may not listen', async () => {
    const hostile = [`minqing/reply/${other}/action`, 'minqing/stage/received', 'minqing/stage/dispatched', `minqing/field/${other}/task`, `minqing/field/${account}/receipt`, '#', '+', 'minqing/reply/+/x', 'minqing/reply/bomei-command/#',
      'minqing/reply/bomei-command/+', 'minqing/reply/bomei-command', 'minqing/reply/bomei-command/', 'minqing/reply/bomei-commander/x', 'minqing/reply/bomei-command/../other', 'minqing/reply/BOMEI-COMMAND/x', '$SYS/x',
      `minqing/reply/bomei-command/${'x'.repeat(60000)}`, '']
    const asker = await (await system.connect('bomei-command')).subscribe('minqing/reply/bomei-command/#')
    const elsewhere = await (await system.connect(other)).subscribe(`minqing/reply/${other}/#`, `minqing/field/${other}/task`)
    const stage = await (await system.connect('classifier')).subscribe('minqing/stage/received')
    const device = await listening(), receipts = device.messages.length
    const about = (await freshIn(system, 'in_progress')).id
    const raw = await Raw.connect(system, 'bomei-command')
    const sent = []
    for (const [i, responseTopic] of hostile.entries()) {
      const messages = {
        'minqing/command/441581/441581105/action/bomei-command': { id: randomUUID(), case: about, action: 'supervise', note: '请加快' },
        'minqing/command/441581/441581105/report/bomei-command': good(),
        'minqing/query/bomei-command/officers': { id: randomUUID(), limit: 1 },
      }
      for (const [k, [to, message]] of Object.entries(messages).entries()) {
        const packet = 1 + i * 3 + k
        assert.equal(await raw.outcome(publish({ topic: to, packet, payload: JSON.stringify(message), properties: [property.text(id.responseTopic, responseTopic)] }), packet), 'puback 0x0', `${to} asking for ${responseTopic.slice(0, 80)}`)
        sent.push([message.id, responseTopic])
      }
    }
    for (const [key, responseTopic] of sent) {
      const answer = await asker.next(m => m.payload.includes(key), `the answer for which ${responseTopic.slice(0, 100)} was asked`)
      const mine = responseTopic === 'minqing/reply/bomei-command/../other' // strange, and its own
      assert.match(answer.topic, mine ? /\.\.\/other$/ : /^minqing\/reply\/bomei-command\/(action|receipt|query)$/)
    }
    await accepted('hostile response topics')
    assert.deepEqual(elsewhere.messages, [])
    assert.ok(device.messages.slice(receipts).every(m => !sent.some(([key]) => m.payload.includes(key))))
    for (const { payload } of stage.messages) assert.ok(json({ payload }).every(element => element.v === 1 && element.text))
    raw.end()
  })

  test('what is no MQTT, half a packet, and a hundred silent connections harm nobody', async () => {
    const [{ n }] = await system.sql('select count(*)::int as n from minqing.rejections')
    const held = []
    for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0]), Buffer.from([0xff, 0xff]), Buffer.alloc(1000, 0x10)]) {
      const raw = await Raw.open(system)
      held.push(raw)
      raw.write(bytes)
      await raw.until(() => false, 'the end of what is no MQTT')
      assert.ok(raw.closed)
    }
    // a packet that says it is 256 MB, and one whose second half never comes
    const large = await Raw.connect(system, account)
    large.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]))
    const half = await Raw.connect(system, account)
    half.write(publish({ topic, payload: JSON.stringify(good()) }).subarray(0, 60))
    for (let i = 0; i < 100; i++) held.push(await Raw.open(system))
    await accepted('what is no MQTT')
    half.end()
    await accepted('half a packet')
    for (const raw of [...held, large]) raw.end()
    assert.equal((await system.sql('select count(*)::int as n from minqing.rejections'))[0].n, n)
  })

  test('a wrong password, no name, and a will on a topic between the services come to nothing', async () => {
    for (const options of [{ password: Buffer.from('no') }, { password: Buffer.alloc(60000, 0x61) }, { username: undefined, password: undefined }, { username: 'nobody-at-all' }]) {
      const raw = await Raw.connect(system, account, options)
      assert.equal(raw.packets[0]?.reasonCode, 0x87, JSON.stringify(options).slice(0, 100))
      raw.end()
    }
    const { rejected } = await rejectedWhile(system, async () => {
      const stage = await (await system.connect('classifier')).subscribe('minqing/stage/received')
      const raw = await Raw.connect(system, account, { will: { topic: 'minqing/stage/received', payload: Buffer.from('["from a will"]'), qos: 1, retain: true } })
      raw.end() // without DISCONNECT
      await accepted('a will on a topic between the services')
      await stage.next(m => m.topic === 'minqing/stage/received', 'the element of the good report')
      assert.ok(!stage.messages.some(m => m.payload.includes('will')))
    })
    assert.deepEqual(rejected, [])
  })

  test('nobody throws a service out by its client id: what follows from its name alone is nobody’s', async () => {
    const connects = async () => json(await (await (await system.connect('bomei-command')).subscribe('minqing/health/ingest/1')).next(() => true, 'health')).counters.connects
    const before = await connects(), held = []
    for (const service of ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook'])
      for (const clientId of [`minqing-${service}`, `minqing-${service}-1`, service, `${service}-1`, `minqing-${service}-1-${'0'.repeat(16)}`]) held.push(await Raw.connect(system, account, { clientId }))
    await accepted('many who take the services’ names', 3000)
    for (const raw of held) assert.ok(!raw.closed)
    for (const raw of held) raw.end()
    assert.equal(await connects(), before)
  })

  test('what waits for a device does not go to an account that takes its name, and is not lost by it', async () => {
    const device = 'bomei-018', tasks = (...more) => system.run('minqing-field', 'tasks', '--json', '--timeout', '1', ...more, '-u', device, '-P', system.devices[device])
    await tasks() // from now on the broker keeps what comes for it
    const notifier = await system.connect('notifier')
    const task = { v: 1, task: randomUUID(), version: 1, case: randomUUID(), number: '博美-1123-042', kind: 'mobilise', text: '到点石村后山集合', state: 'called' }
    assert.equal(await notifier.publish(`minqing/field/${device}/task`, JSON.stringify(task)), 0)
    for (const clientId of [device, `${device}-tasks`]) {
      for (const clean of [false, true]) {
        const thief = await Raw.connect(system, account, { clientId, clean, properties: { sessionExpiryInterval: 100 } })
        assert.equal(thief.packets[0].sessionPresent && clean, false)
        assert.ok(!thief.packets.some(p => p.cmd === 'publish'))
        thief.end()
      }
    }
    const shown = await tasks('--count', '1')
    assert.equal(shown.status, 0, shown.stderr)
    assert.equal(JSON.parse(shown.stdout).task, task.task)
  })

  test('a desk that never reads its socket holds up nobody, and the broker’s memory stays within its settings', async () => {
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${system.pid('mosquitto')}/status`, 'utf8'))[1]) * 1024
    const most = (256 + 32 + 96) << 20 // max_queued_bytes and max_inflight_bytes of a client, and what the messages need beside it
    const deaf = await Raw.connect(system, 'bomei-command')
    deaf.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'minqing/stream/441581/441581105/+/+', qos: 0 }, { topic: 'minqing/department/+/441581/441581105/case/+', qos: 1 },
      { topic: 'minqing/command/441581/441581105/review/+', qos: 1 }] })
    assert.deepEqual((await deaf.until(p => p.cmd === 'suback', 'SUBACK')).granted, [0, 1, 1])
    deaf.stopReading()
    const before = memory()
    const hearing = await (await system.connect('bomei-command')).subscribe('minqing/stream/441581/441581105/+/+')
    // of several, none of whom is above what one account may send
    const names = ['bomei-050', 'bomei-051', 'bomei-052', 'bomei-053']
    const devices = await Promise.all(names.map(async name => (await system.connect(name)).subscribe(`minqing/field/${name}/receipt`)))
    const sent = Array.from({ length: 600 }, () => report(`山上冒烟，火势很大。${unlike(3900)}`, { kind: 'fire_safety.hill_fire' }))
    for (let i = 0; i < sent.length; i += 16) {
      const part = sent.slice(i, i + 16)
      await Promise.all(part.map((one, k) => devices[k % 4].publish(`minqing/field/${names[k % 4]}/report`, JSON.stringify(one))))
      await Promise.all(part.map((one, k) => devices[k % 4].next(m => m.payload.includes(one.id), `the receipt of report ${i}`)))
    }
    for (const one of sent) await hearing.next(m => m.payload.includes(one.id), 'its line on the stream', 20000)
    assert.ok(!deaf.closed)
    const grown = memory() - before
    assert.ok(grown < most, `the broker grew by ${grown} bytes`)
    const health = await (await system.connect('bomei-command')).subscribe('minqing/health/+/+')
    await health.next(m => m.topic.startsWith('minqing/health/notifier/'), 'health')
    for (const m of health.messages) assert.equal(json(m).state, 'up', m.topic)
    deaf.end()
    await accepted('a desk that does not read')
  })
}

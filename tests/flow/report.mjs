// SPDX-License-Identifier: Apache-2.0
// A report travels from a device to its department.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { json, report } from '../harness/system.mjs'

const smoke = '溪乾村后山有大片浓烟，疑似山火'

/** What must be in the database about a report that became a fire case. */
async function assertRows(system, id) {
  const [row] = await system.sql(
    `select r.town, c.domain, k.number, k.lead, k.severity, k.restricted,
            array(select department from minqing.assignments a where a."case" = k.id order by 1) as departments
     from minqing.reports r
     join minqing.classifications c on c.report = r.id
     join minqing.case_reports m on m.report = r.id
     join minqing.cases k on k.id = m."case"
     where r.id = $1`, id)
  assert.ok(row, 'a case was opened')
  assert.equal(row.domain, 'fire_safety')
  assert.equal(row.severity, 4)
  assert.equal(row.lead, 'fire')
  assert.match(row.number, /^博美-\d{4}-\d{3,}$/)
  for (const department of ['fire', 'emergency']) assert.ok(row.departments.includes(department), department)
  // it opened the case, or joined that of the same smoke
  const events = await system.sql('select what from minqing.case_events e where e.report = $1', id)
  assert.equal(events.length, 1)
  assert.match(events[0].what, /^(opened|joined)$/)
}

export function stories(system) {
  test('a report by mosquitto_pub reaches the fire desk of Bomei', async () => {
    const desk = await (await system.connect('bomei-fire')).subscribe('minqing/department/fire/441581/441581105/case/+')
    const message = report(smoke)
    execFileSync('mosquitto_pub', ['-V', '5', '-p', system.environment.MINQING_MQTT_PORT, '-u', 'bomei-002', '-P', system.devices['bomei-002'],
      '-q', '1', '-t', 'minqing/field/bomei-002/report', '-m', JSON.stringify(message)])
    const arrived = await desk.next(m => m.payload.includes(message.id), 'the case at the desk')
    assert.equal(json(arrived).reports.latest[0].text, smoke)
    await assertRows(system, message.id)
  })

  test('a report by mqtt.js gets a receipt, a case at the desk, a status with its number, a line on the stream', async () => {
    const desk = await (await system.connect('bomei-fire')).subscribe('minqing/department/fire/441581/441581105/case/+')
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/stream/441581/441581105/+/+',
      'minqing/department/+/441581/441581105/case/+')
    const device = await (await system.connect('bomei-003')).subscribe('minqing/field/bomei-003/receipt', 'minqing/field/bomei-003/status')
    const message = report(`${smoke}，联系电话13800138000`)
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    assert.equal(await device.publish('minqing/field/bomei-003/report', JSON.stringify(message),
      { properties: { correlationData: Buffer.from('17'), userProperties: { traceparent: trace } } }), 0)
    const receipt = await device.next(m => m.topic.endsWith('/receipt'), 'the receipt')
    assert.equal(json(receipt).status, 'accepted')
    assert.equal(json(receipt).id, message.id)
    assert.equal(receipt.packet.properties.correlationData.toString(), '17')
    const atDesk = await desk.next(m => m.payload.includes(message.id), 'the case at the desk')
    assert.equal(atDesk.packet.properties.contentType, 'application/json')
    assert.equal(atDesk.packet.properties.userProperties.traceparent, trace)
    const status = await device.next(m => m.topic.endsWith('/status'), 'the status')
    assert.match(json(status).number, /^博美-/)
    const line = await operator.next(m => m.topic.startsWith('minqing/stream/') && m.payload.includes(message.id), 'the line on the stream')
    assert.ok(!line.payload.includes('13800138000'), 'the stream shows no telephone number')
    assert.match(line.topic, /\/fire_safety\/4$/)
    await operator.next(m => m.topic.startsWith('minqing/department/command_centre/') && m.payload.includes(message.id),
      'what is critical at the command centre')
    await assertRows(system, message.id)
  })

  test('minqing-field sends a report, has its receipt and tells its number; report show tells its story', async () => {
    const sent = await system.run('minqing-field', 'send', smoke, '--json', '--outbox', `${system.folder}/outbox-${process.pid}`)
    assert.equal(sent.status, 0, sent.stderr + sent.stdout)
    const id = /"id": ?"([0-9a-f-]{36})"/.exec(sent.stdout)[1]
    await assertRows(system, id)
    const shown = await system.run('minqing', 'report', 'show', id)
    assert.equal(shown.status, 0, shown.stderr)
    assert.match(shown.stdout, /博美-\d{4}-\d{3}/)
    assert.match(shown.stdout, /ms/)
    const machine = await system.run('minqing', 'report', 'show', id, '--json')
    assert.ok(JSON.parse(machine.stdout))
  })

  test('a drug tip is seen by its own desks only; the command centre learns that it exists', async () => {
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/department/+/441581/441581105/+/+', 'minqing/stream/#')
    const device = await (await system.connect('bomei-004')).subscribe('minqing/field/bomei-004/receipt')
    const text = '举报有人在出租屋里贩卖冰毒，晚上交易'
    const message = report(text, { kind: 'anti_drug.tip' })
    await device.publish('minqing/field/bomei-004/report', JSON.stringify(message))
    const [{ id }] = await untilRows(system, `select k.id from minqing.cases k where k.first_report = $1`, message.id)
    const redacted = await operator.next(m => m.topic === `minqing/department/command_centre/441581/441581105/case/${id}`, 'the bare case')
    assert.deepEqual(Object.keys(json(redacted)).filter(k => ['reports', 'summary', 'domain', 'kind', 'lead', 'parts', 'location'].includes(k)), [])
    await operator.next(m => m.topic.startsWith('minqing/stream/') && m.payload.includes(id), 'its line on the stream')
    assert.ok(operator.messages.every(m => !m.topic.includes('/restricted/') && !m.payload.includes('冰毒')), 'nothing of it elsewhere')
    const [{ audiences }] = await system.sql(
      'select array_agg(audience order by audience) as audiences from minqing.v_announcements where ref = $1 and topic = 2', id)
    assert.ok(audiences.includes('anti_drug_office') && audiences.includes('police'))
  })

  test('what is told of a case just opened is, to the byte, what the database says of it', async () => {
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/department/+/441581/441581105/case/+', 'minqing/stream/441581/441581105/+/+')
    const police = await (await system.connect('bomei-police')).subscribe('minqing/department/police/441581/441581105/restricted/+')
    const device = await (await system.connect('bomei-009')).subscribe('minqing/field/bomei-009/status')
    const messages = [
      report('供销社旧仓库里 "堆满\\\t酒精" ，联系电话13800138001', { kind: 'fire_safety.blocked_exit', area: '441581105202', location: { lat: 22.9451, lon: 115.6449 } }),
      report('举报有人在祠堂后面卖摇头丸，电话13900139001', { kind: 'anti_drug.tip', subject: { name: '陈某某', phone: '13900139001' } }),
      report('两家人为宅基地界石吵起来', { domain: 'dispute_mediation', area: '441581105202', severity: 2 }),
      report('码头有人在卸没有标签的冻肉', { kind: 'anti_smuggling.frozen_meat', attachments: ['ab'.repeat(32)] }),
    ]
    for (const message of messages) {
      await device.publish('minqing/field/bomei-009/report', JSON.stringify(message))
      const [said] = await untilRows(system, `select c.id, c.version, c.restricted, minqing.case_message(c, false) as told, minqing.case_message(c, true) as redacted,
          minqing.status_message(c.id, 'bomei-009', 1) as status, minqing.stream_message(e) as line
        from minqing.cases c join minqing.case_events e on e.ref = c.id and e.what = 'opened' where c.first_report = $1`, message.id)
      assert.equal(said.version, 1, 'it has not moved on')
      const heard = async (client, topic, what) => (await client.next(m => topic.test(m.topic) && m.payload.includes(said.id), what)).payload.toString()
      if (said.restricted) {
        assert.equal(await heard(police, /restricted/, 'the case at the police'), said.told)
        assert.equal(await heard(operator, /command_centre/, 'the bare case'), said.redacted)
      } else {
        assert.equal(await heard(operator, /\/case\//, 'the case at a desk'), said.told)
      }
      assert.equal(await heard(device, /status/, 'the status'), said.status)
      assert.equal(await heard(operator, /stream/, 'the line'), said.line)
    }
  })

  test('a report from a point at sea finds its village', async () => {
    const device = await (await system.connect('bomei-005')).subscribe('minqing/field/bomei-005/receipt')
    // half a kilometre off the southern shore of the outline
    const message = report('海面有条船着火冒黑烟', { location: { lat: 22.7655, lon: 115.83 } })
    await device.publish('minqing/field/bomei-005/report', JSON.stringify(message))
    assert.equal(json(await device.next(m => m.payload.includes(message.id), 'the receipt')).status, 'accepted')
    const [row] = await system.sql('select area, area_from, length(area) as n from minqing.reports where id = $1', message.id)
    assert.equal(row.area_from, 'nearest')
    assert.equal(row.n, 12)
  })

  test('a place in GCJ-02 is converted and both are kept; an area that contradicts the place wins and is flagged', async () => {
    const device = await (await system.connect('bomei-006')).subscribe('minqing/field/bomei-006/receipt')
    const message = report('村口路灯杆倒了压住电线', { area: '441581102201', location: { lat: 22.982, lon: 115.835, datum: 'gcj02' } })
    await device.publish('minqing/field/bomei-006/report', JSON.stringify(message))
    await device.next(m => m.payload.includes(message.id), 'the receipt')
    const [row] = await system.sql(`select area, area_conflict, location_given, st_y(location::geometry) as lat, st_x(location::geometry) as lon
      from minqing.reports where id = $1`, message.id)
    assert.equal(row.area, '441581102201')
    assert.equal(row.area_conflict, true)
    assert.equal(row.location_given.datum, 'gcj02')
    const metres = Math.hypot((row.lat - 22.982) * 111000, (row.lon - 115.835) * 102000)
    assert.ok(metres > 300 && metres < 800, `shifted by ${metres} m`)
  })

  test('what subject says is nowhere in clear but in the report that brought it', async () => {
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/stream/#', 'minqing/department/+/+/+/case/+',
      'minqing/command/+/+/review/+')
    const device = await (await system.connect('bomei-007')).subscribe('minqing/field/bomei-007/receipt')
    const message = report('红下村欧阳婷婷家里没钱住院', { kind: 'livelihood_relief.low_income', subject: { name: '欧阳婷婷', id_number: '441581197001011234', phone: '13912345678' } })
    await device.publish('minqing/field/bomei-007/report', JSON.stringify(message))
    await device.next(m => m.payload.includes(message.id), 'the receipt')
    await operator.next(m => m.payload.includes(message.id), 'its announcement')
    assert.ok(operator.messages.every(m => !/欧阳婷婷|441581197001011234|13912345678/.test(m.payload.toString())), 'not on any topic')
    const [row] = await system.sql('select subject, subject_key, masked from minqing.reports where id = $1', message.id)
    assert.ok(row.subject.length > 40 && !row.subject.includes('欧阳'))
    assert.ok(row.masked.includes('欧***'))
  })
}

async function untilRows(system, text, ...values) {
  const { until } = await import('../harness/system.mjs')
  return until(async () => {
    const rows = await system.sql(text, ...values)
    return rows.length && rows
  }, text)
}

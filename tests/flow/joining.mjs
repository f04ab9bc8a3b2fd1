// SPDX-License-Identifier: Apache-2.0
// Reports of the same thing are one case; of different things, two.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

/** What 84 people write of one fire on the hill behind 点石村: in their own words, some unsure of what it is. */
const smoke = `
前面山头冒烟，疑似山火
点石村后山起火了，火势不小
后山着火，有浓烟
看到山上有火光
山火！快来人
村后面那座山烧起来了
后山林子冒黑烟，看着像着火
山坡上有明火在烧
点石后山有火情，请求支援
山顶那边浓烟滚滚
我在村口看见后山冒白烟
后山的树烧着了，风很大
有人说后山着火了，我看到烟了
山上烧起来了，正往下蔓延
发现山火，位置在点石村后面
林地起火，烟很大
后山那片桉树林着火
火烧山了
山腰有火苗，烟往村里飘
后山浓烟，能闻到焦味
那边好像有点不对劲，天都红了
后山那片红红的，有点吓人
闻到烧焦的味道，应该是山上
山那边有点红
远远看到山上有烟，不知道是不是烧荒
山上有烟
有烟，疑似火灾
后山冒烟好久了，越来越大
着火啦着火啦后山
后山火很大，快叫消防
山火蔓延，需要灭火队
荔枝园上面的山着火
果园后面的山坡烧着了
坟山那边起火，可能是烧纸引起的
有人烧纸把山点着了
扫墓烧纸引燃山草
山草烧起来了，没人扑救
火线有一百多米长
火势往北边烧过去了
风把火吹向村子
离村子大概五百米的山上有火
山背面有红光和烟
后山火光冲天
晚上看山上一片红
山上冒烟，看不清是什么烧的
山里有浓烟升起
看见一股黑烟从山里冒出来
报告，点石村方向发现烟柱
发现烟点一处，疑似森林火灾
森林火情，请核实
点石村山林火灾
后面山林失火
山上失火了
后山失火，人手不够
我们三个人在打火，控制不住
正在扑打，火又起来了
火大，靠近不了
烟太大看不到路
有老人在山脚住，怕烧到房子
山火快烧到山脚的猪场了
火烧到茶园边了
请派人来灭山火
消防车能不能上来，后山起火
组长，后山起火，我先去看看
我在现场，山火还在烧
现场火势较大
明火已经有两处
新起一处火点在山沟里
山沟里冒烟
后山烟雾很大，看不清路
村民反映后山着火
群众来报，后山有火
听村民讲后山起火，我正赶过去
山上噼里啪啦在烧
草丛着火往树林烧
松树林在烧
竹林着火了
后山火烧得很旺，半边天都是烟
点石村后背山发生火情
后背山烧着，烟好大
后壁山火烧山，紧来人
山顶火烧埔，烟真大
睇到后山起火，好大烟
后山又冒烟了，请领导派人查看
`.trim().split('\n')

/** Somewhere on the hill, up to about half a kilometre from its middle. */
const onTheHill = (i, lat, lon) => ({ lat: lat + 0.004 * Math.sin(i * 2.4), lon: lon + 0.004 * Math.cos(i * 2.4), accuracy_m: 20 })

/** Each story has a day of its own: what other stories report today is not of the same time. */
const daysAgo = (days, ms = 0) => new Date(Date.now() - days * 864e5 - ms).toISOString()

const account = i => `bomei-${String(i + 1).padStart(3, '0')}`

export function stories(system) {
  test('84 people report one fire, each in other words, some unsure, some without a place, through two dispatchers: one case, no review left', async () => {
    assert.equal(smoke.length, 84)
    assert.equal(new Set(smoke).size, 84)
    const second = system.spawnService('dispatcher', '2')
    const health = await (await system.connect('bomei-command')).subscribe('minqing/health/dispatcher/2')
    await health.next(m => m.payload.length && json(m).state === 'up', 'the second dispatcher')
    const sent = []
    const devices = await Promise.all(smoke.map(async (_, i) => (await system.connect(account(i))).subscribe(`minqing/field/${account(i)}/status`)))
    for (const [i, text] of smoke.entries()) {
      const device = devices[i]
      const message = report(text, { observed_at: daysAgo(2, i * 500), ...(i % 6 === 5 ? {} : { location: onTheHill(i, 22.985, 115.83) }) })
      sent.push({ device, message })
      assert.equal(await device.publish(`minqing/field/${account(i)}/report`, JSON.stringify(message)), 0)
    }
    const ids = sent.map(s => s.message.id)
    await until(async () => (await system.sql(`select from minqing.case_reports where report = any($1)
      union all select from minqing.reviews where report = any($1) and state = 'waiting'`, ids)).length === 84, 'all are handled', 60000)
    const cases = await system.sql(`select k.number, k.severity, k.domain, count(*)::int as n, array_agg(r.text) as texts
      from minqing.case_reports m join minqing.cases k on k.id = m."case" join minqing.reports r on r.id = m.report where m.report = any($1) group by k.id`, ids)
    const waiting = await system.sql(`select r.text, c.model_domain from minqing.reviews v join minqing.reports r on r.id = v.report
      join minqing.classifications c on c.report = r.id where v.report = any($1) and v.state = 'waiting'`, ids)
    assert.equal(cases.length, 1, JSON.stringify(cases))
    assert.deepEqual(waiting, [])
    assert.equal(cases[0].severity, 4)
    // each reporter is told the number, whether its report opened the case or joined it
    for (const { device, message } of sent) {
      const status = json(await device.next(m => m.payload.includes(message.id), `the status of ${message.text}`))
      assert.equal(status.number, cases[0].number)
    }
    const [{ whole }] = await system.sql(`select minqing.replay_case(k.id) = minqing.case_snapshot(k) as whole from minqing.cases k
      where k.id = (select "case" from minqing.case_reports where report = $1)`, ids[0])
    assert.equal(whole, true)
    second.kill('SIGTERM')
  })

  test('two fires five kilometres apart stay two', async () => {
    const device = await system.connect('bomei-050')
    const at = daysAgo(3)
    const far = [[23.02, 115.80], [23.02, 115.85]]
    const ids = []
    for (let i = 0; i < 12; i++) {
      const [lat, lon] = far[i % 2]
      const message = report(smoke[i], { observed_at: at, location: onTheHill(i, lat, lon), area: '441581105202' })
      ids.push(message.id)
      await device.publish('minqing/field/bomei-050/report', JSON.stringify(message))
    }
    await until(async () => (await system.sql('select from minqing.case_reports where report = any($1)', ids)).length === 12, 'all are with a case', 30000)
    const cases = await system.sql(`select count(*)::int as n, k.kind, k.domain, k.number, array_agg(r.text) as texts from minqing.case_reports m
      join minqing.cases k on k.id = m."case" join minqing.reports r on r.id = m.report where m.report = any($1) group by k.id order by 1`, ids)
    assert.deepEqual(cases.map(c => c.n), [6, 6], JSON.stringify(cases))
  })

  test('a hazard, a family in need and a theft beside the fire are matters of their own', async () => {
    const device = await system.connect('bomei-051')
    const at = daysAgo(2)
    const others = ['村委楼下电动车飞线充电', '林姨得了直肠癌，没钱住院', '门口摩托车昨晚被偷']
    const ids = others.map(() => report('x').id)
    for (const [i, text] of others.entries()) {
      await device.publish('minqing/field/bomei-051/report', JSON.stringify(report(text, { id: ids[i], observed_at: at, location: onTheHill(i, 22.985, 115.83) })))
    }
    await until(async () => (await system.sql(`select from minqing.case_reports where report = any($1)
      union all select from minqing.reviews where report = any($1)`, ids)).length === 3, 'all are handled')
    const joined = await system.sql(`select r.text from minqing.case_reports m join minqing.cases k on k.id = m."case" join minqing.reports r on r.id = m.report
      where m.report = any($1) and k.domain = 'fire_safety' and k.severity = 4`, ids)
    assert.deepEqual(joined, [])
  })

  test('of an ordinary kind the words decide: the same dump joins, another matter at the same place does not', async () => {
    const device = await system.connect('bomei-052')
    const at = daysAgo(4)
    const place = { lat: 22.961, lon: 115.812 }
    const send = async (text, more = {}) => {
      const message = report(text, { observed_at: at, location: place, kind: 'natural_resources.dumping', ...more })
      await device.publish('minqing/field/bomei-052/report', JSON.stringify(message))
      const [row] = await until(async () => {
        const rows = await system.sql('select "case" from minqing.case_reports where report = $1', message.id)
        return rows.length && rows
      }, `a case for ${text}`)
      return row.case
    }
    const first = await send('河边有人倾倒建筑垃圾，一大堆砖头水泥')
    assert.equal(await send('有货车在河边倾倒建筑垃圾'), first)
    assert.notEqual(await send('工厂门口堆着废油漆桶没人清理'), first)
    assert.notEqual(await send('河边有人倾倒建筑垃圾', { location: { lat: 22.97, lon: 115.83 } }), first)
  })

  test('a case of ninety reports, each as long on the wire as can be, is told of all the same: all are counted, the latest are in it', async () => {
    const desk = await (await system.connect('bomei-fire')).subscribe('minqing/department/fire/441581/441581105/case/+')
    const said = `商场消防通道被杂物堵死${'\u0001'.repeat(3989)}`
    const place = { lat: 22.935, lon: 115.845 }
    const at = daysAgo(5)
    const ids = []
    for (let i = 0; i < 90; i++) {
      const device = await system.connect(account(i % 30))
      const message = report(said, { observed_at: at, location: place, kind: 'fire_safety.blocked_exit' })
      ids.push(message.id)
      assert.equal(await device.publish(`minqing/field/${account(i % 30)}/report`, JSON.stringify(message)), 0)
    }
    await until(async () => (await system.sql('select from minqing.case_reports where report = any($1)', ids)).length === 90, 'all are with a case', 60000)
    const told = json(await desk.next(m => m.payload.length && json(m).reports.count === 90, 'the case with all its reports', 60000))
    assert.equal(told.reports.latest.length, 10)
    assert.ok(told.reports.latest.every(r => r.text === said && ids.includes(r.id)))
  })
}

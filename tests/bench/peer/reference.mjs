// SPDX-License-Identifier: Apache-2.0
// What the peers know beforehand: names, routes and where villages are, from minqing's own reference tables, and keywords of kinds.

/** Kinds by words that stand in a text, the first that is found decides. */
export const keywords = [
  ...Object.entries({
    '山火|往林子里烧|茅草烧': 'fire_safety.hill_fire', '窗户冒火|厨房着|起火': 'fire_safety.house_fire', '自燃|机舱': 'fire_safety.vehicle_fire',
    '冒黑烟|烧塑料': 'fire_safety.smoke', '煤气|气瓶': 'fire_safety.gas', '充电': 'fire_safety.charging', '电线|火花': 'fire_safety.wiring',
    '消防通道': 'fire_safety.blocked_exit', '消火栓|灭火器': 'fire_safety.facility', '烧稻草|烧纸钱': 'fire_safety.open_burning',
    '坝|堤围': 'disaster_prevention.dam_seepage', '积水|漫进': 'disaster_prevention.flood', '山体|山泥': 'disaster_prevention.landslide',
    '裂开|削坡': 'disaster_prevention.slope_crack', '台风|大风|刮倒': 'disaster_prevention.typhoon_damage', '路基|桥墩': 'disaster_prevention.road_damage',
    '鱼塘|游水': 'disaster_prevention.drowning', '老屋的墙': 'disaster_prevention.dangerous_house',
    '吸毒|溜冰|吸东西': 'anti_drug.use', '白粉|K粉|电子烟油': 'anti_drug.tip', '化学': 'anti_drug.manufacture', '罂粟|大麻': 'anti_drug.cultivation',
    '戒毒': 'anti_drug.visit', '针筒|化工废料': 'anti_drug.debris',
    '走私|卸货|冲滩': 'anti_smuggling.unloading', '红油|油罐车': 'anti_smuggling.fuel', '冻': 'anti_smuggling.frozen_meat', '旧衣': 'anti_smuggling.used_clothes',
    '偷渡|一船人': 'anti_smuggling.border_crossing', '三无|没船号': 'anti_smuggling.nameless_boat',
    '假烟|中华烟': 'counterfeit.cigarettes', '茅台|洋酒': 'counterfeit.liquor', '过期|腊肠': 'counterfeit.food', '上吐下泻|肚子痛': 'counterfeit.food_poisoning',
    '降糖药|膏药': 'counterfeit.medicine', '复合肥|种子': 'counterfeit.farm_supplies', '名牌|冒牌': 'counterfeit.fake_brand',
    '发高烧|发烧': 'epidemic_control.fever_cluster', '疫苗|接种': 'epidemic_control.vaccination', '返乡|国外回来': 'epidemic_control.returning',
    '隔离': 'epidemic_control.isolation', '死猪|死了两百': 'epidemic_control.dead_animals', '蚊子|登革热': 'epidemic_control.mosquito', '咬了|抓伤': 'epidemic_control.animal_bite',
    '水田|农田': 'natural_resources.farmland_building', '加盖|铁皮棚': 'natural_resources.illegal_building', '挖沙|抽沙': 'natural_resources.sand_mining',
    '锯倒|砍': 'natural_resources.felling', '捕鸟|穿山甲': 'natural_resources.wildlife', '垃圾|废渣': 'natural_resources.dumping', '粪水|漂了一层油': 'natural_resources.water_pollution',
    '黑烟|粉尘': 'natural_resources.air_pollution',
    '透析|肠癌': 'livelihood_relief.grave_illness', '独居|阿婆一个人': 'livelihood_relief.lonely_elder', '断粮|拖鞋': 'livelihood_relief.no_food', '叫不醒|不想活': 'livelihood_relief.life_at_risk',
    '低保': 'livelihood_relief.low_income', '残疾|轮椅': 'livelihood_relief.disability', '不读了': 'livelihood_relief.schooling', '流浪汉': 'livelihood_relief.homeless',
    '找工作': 'livelihood_relief.employment', '优抚': 'livelihood_relief.veteran',
    '一垄地|山林承包': 'dispute_mediation.land', '过了界|滴水': 'dispute_mediation.house_line', '离婚|养老': 'dispute_mediation.family', '工钱|工资': 'dispute_mediation.wages',
    '不还|账目': 'dispute_mediation.debt', '迁坟|祠堂': 'dispute_mediation.grave', '停车位|拖桌子': 'dispute_mediation.neighbour', '不肯赔|医药费': 'dispute_mediation.injury',
    '聚在|对峙': 'dispute_mediation.crowd',
    '偷走|撬|拆走': 'public_security.theft', '打架|打起来': 'public_security.fight', '汇款|被骗': 'public_security.fraud', '没有回家|没回来': 'public_security.missing_person',
    '追人|报复': 'public_security.dangerous_person', '撞了|追尾': 'public_security.traffic_accident', '红绿灯|井盖': 'public_security.traffic_hazard', '百家乐': 'public_security.gambling',
    '炸街|砸店': 'public_security.disorder',
  }),
].map(([words, kind]) => [words.split('|'), kind])

/** @param {import('pg').Pool} pool */
export async function loadReference(pool) {
  const rows = async text => (await pool.query(text)).rows
  const by = (list, key) => new Map(list.map(row => [row[key], row]))
  const routes = await rows('select * from minqing.routes')
  const of = (domain, kind, severity) => routes
    .filter(r => r.domain === domain && (r.kind === kind || r.kind === null) && r.area === '' && (r.severity === null || r.severity <= severity))
    .sort((a, b) => (b.kind !== null) - (a.kind !== null) || (b.severity ?? 0) - (a.severity ?? 0))[0]
  const cache = new Map()
  return {
    kinds: by(await rows('select code, domain, name_zh, severity from minqing.kinds'), 'code'),
    domains: by(await rows('select code, name_zh from minqing.domains'), 'code'),
    departments: by(await rows('select code, name_zh, name_en from minqing.departments'), 'code'),
    areas: by(await rows('select code, name, short_name from minqing.areas'), 'code'),
    villages: await rows(`select code, st_y(st_centroid(polygon)) as lat, st_x(st_centroid(polygon)) as lon from minqing.areas
      where level = 'village' and polygon is not null`),
    homes: new Map((await rows(`select account, area, person::int from minqing.accounts where role = 'device'`)).map(r => [r.account, r])),
    numbers: new Map(), // of the day's cases, by town
    route(domain, kind, severity) {
      const key = `${domain} ${kind} ${severity}`
      if (!cache.has(key)) cache.set(key, of(domain, kind, severity))
      return cache.get(key)
    },
  }
}

// SPDX-License-Identifier: Apache-2.0
// The figures as one picture, SVG: who carries how many reports a second, what a report costs, how long it takes at which rate.
import { titles } from './tables.mjs'

const WIDTH = 960, LEFT = 250, RIGHT = 190, ROW = 34
const INK = '#1a1a1a', FAINT = '#d0d0d0'
const COLOURS = { bound: '#767676', minqing: '#1565c0', peer_careful: '#c75b00', peer_usual: '#7b1fa2' }
const SHORT = { bound: 'bound (broker, clients)', minqing: 'minqing', peer_careful: 'peer, careful', peer_usual: 'peer, usual' }
const PARTS = [['own', 'own processes', '#00695c'], ['broker', 'broker', '#8d6e63'], ['postgresql', 'PostgreSQL', '#455a64']]

const escape = text => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const words = (x, y, text, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(text)}</text>`
const box = (x, y, width, height, fill) => `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(width, 0.5).toFixed(1)}" height="${height}" fill="${fill}"/>`
const heading = (y, text) => words(20, y, text, 'font-size="17" font-weight="bold"')
const round = n => Math.round(n).toLocaleString('en-US')

/** Bars with a name before and a figure behind each. */
function bars(y, rows) {
  const most = Math.max(...rows.map(r => r.value)), scale = (WIDTH - LEFT - RIGHT) / most
  return rows.map((row, i) => {
    const at = y + i * ROW
    return words(LEFT - 12, at + 16, row.name, 'text-anchor="end"') + box(LEFT, at, row.value * scale, 22, row.colour) + words(LEFT + row.value * scale + 8, at + 16, row.label)
  }).join('')
}

function throughput(y, result) {
  const rows = Object.keys(titles).filter(name => result.sustained[name]).map(name => ({
    name: SHORT[name], value: result.sustained[name].out_per_second, label: round(result.sustained[name].out_per_second), colour: COLOURS[name],
  }))
  if (result.bound_database) rows.unshift({ name: 'bound (database)', value: result.bound_database, label: round(result.bound_database), colour: COLOURS.bound })
  return [heading(y + 18, 'Reports a second, sustained') + bars(y + 36, rows), 36 + rows.length * ROW + 20]
}

function costs(y, result) {
  const names = Object.keys(titles).filter(name => result.sustained[name])
  const of = name => {
    const { broker, postgresql, load, ...own } = result.sustained[name].cpu_us
    return { own: Object.values(own).reduce((sum, x) => sum + x, 0), broker, postgresql }
  }
  const all = names.map(of), sum = c => c.own + c.broker + c.postgresql
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...all.map(sum))
  let text = heading(y + 18, 'CPU microseconds a report'), x = LEFT
  for (const [, title, colour] of PARTS) {
    text += box(x, y + 30, 14, 14, colour) + words(x + 20, y + 42, title)
    x += 150
  }
  names.forEach((name, i) => {
    const at = y + 58 + i * ROW
    let from = LEFT
    text += words(LEFT - 12, at + 16, SHORT[name], 'text-anchor="end"')
    for (const [part, , colour] of PARTS) {
      text += box(from, at, all[i][part] * scale, 22, colour)
      from += all[i][part] * scale
    }
    text += words(from + 8, at + 16, round(sum(all[i])))
  })
  return [text, 58 + names.length * ROW + 20]
}

/** Decades of a logarithmic scale that hold all values. */
function decades(values) {
  return [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
}

function latencies(y, result) {
  const HEIGHT = 260, top = y + 60, right = WIDTH - RIGHT
  const names = Object.keys(titles).filter(name => result.latency[name])
  const rates = Object.keys(result.latency[names[0]]).map(Number)
  const points = names.flatMap(name => rates.flatMap(rate => ['p50', 'p99'].map(p => result.latency[name][rate].department_ms[p])))
  const [low, high] = decades(points.filter(p => p > 0))
  const px = i => LEFT + 40 + i * (right - LEFT - 80) / Math.max(rates.length - 1, 1)
  const py = ms => top + HEIGHT - (Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low) * HEIGHT
  let text = heading(y + 18, 'Milliseconds from publishing to department, at a given rate') + words(20, y + 40, 'full line: p50, dashed: p99; logarithmic', 'fill="#555"')
  for (let d = low; d <= high; d++) {
    text += `<line x1="${LEFT}" x2="${right}" y1="${py(10 ** d)}" y2="${py(10 ** d)}" stroke="${FAINT}"/>` + words(LEFT - 12, py(10 ** d) + 5, `${10 ** d} ms`, 'text-anchor="end"')
  }
  rates.forEach((rate, i) => { text += words(px(i), top + HEIGHT + 22, `${round(rate)}/s`, 'text-anchor="middle"') })
  const ends = names.map(name => ({ name, y: py(result.latency[name][rates.at(-1)].department_ms.p50) })).sort((a, b) => a.y - b.y)
  ends.forEach((end, i) => { if (i && end.y < ends[i - 1].y + 18) end.y = ends[i - 1].y + 18 })
  for (const name of names) {
    for (const [p, dash] of [['p50', ''], ['p99', 'stroke-dasharray="6 5"']]) {
      const line = rates.map((rate, i) => `${px(i).toFixed(1)},${py(result.latency[name][rate].department_ms[p]).toFixed(1)}`).join(' ')
      text += `<polyline points="${line}" fill="none" stroke="${COLOURS[name]}" stroke-width="2.5" ${dash}/>`
    }
    text += words(right + 4 - 40 + 8, ends.find(e => e.name === name).y + 5, SHORT[name], `fill="${COLOURS[name]}"`)
  }
  return [text, 60 + HEIGHT + 44]
}

/** @param {object} result as in latest.json */
export function drawPlot(result) {
  let y = 56, body = words(20, 32, `minqing beside others, ${result.at.slice(0, 10)}, ${result.machine.cores} cores for everything${result.quick ? ', quick run' : ''}`, 'font-size="20" font-weight="bold"')
  for (const [draw, there] of [[throughput, result.sustained], [costs, result.sustained], [latencies, result.latency]]) {
    if (!there) continue
    const [text, height] = draw(y, result)
    body += text
    y += height
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="14" fill="${INK}">`
    + `<rect width="100%" height="100%" fill="#fff"/>${body}</svg>\n`
}

// SPDX-License-Identifier: Apache-2.0
// What a report becomes: where it was, what it is about, who acts until when.
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { keywords } from './reference.mjs'

/**
 * @typedef {object} Work
 * @property {object} report
 * @property {object} classification
 * @property {object | null} case null: waits for review
 * @property {{department: string, role: string}[]} parts
 */

const key = randomBytes(32)
const NAMESPACE = Buffer.from('6d696e71696e50678000636173650001', 'hex')

const text = uuid => `${uuid.subarray(0, 4).toString('hex')}-${uuid.subarray(4, 6).toString('hex')}-${uuid.subarray(6, 8).toString('hex')}-`
  + `${uuid.subarray(8, 10).toString('hex')}-${uuid.subarray(10, 16).toString('hex')}`

/** The case that a report opens: UUID v5, so that a report handled twice opens one. */
function caseOf(id) {
  const hash = createHash('sha1').update(NAMESPACE).update(Buffer.from(id.replaceAll('-', ''), 'hex')).digest().subarray(0, 16)
  hash[6] = (hash[6] & 0x0f) | 0x50
  hash[8] = (hash[8] & 0x3f) | 0x80
  return text(hash)
}

function seal(subject) {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(JSON.stringify(subject)), cipher.final(), cipher.getAuthTag()])
}

function placeOf(reference, report, device) {
  if (report.area) return [report.area, 'given']
  if (!report.location) return [reference.homes.get(device)?.area ?? '441581105001001', 'home']
  const { lat, lon } = report.location
  let best, least = Infinity
  for (const village of reference.villages) {
    const distance = (village.lat - lat) ** 2 + ((village.lon - lon) * 0.92) ** 2
    if (distance < least) [best, least] = [village, distance]
  }
  return [best.code, 'nearest']
}

function classify(reference, report) {
  const found = keywords.find(([words]) => words.some(word => report.text.includes(word)))?.[1]
  const kind = report.kind ?? (report.domain && found && !found.startsWith(`${report.domain}.`) ? null : found ?? null)
  const domain = kind ? kind.split('.')[0] : report.domain ?? null
  const severity = Math.max(report.severity ?? 0, kind ? reference.kinds.get(kind)?.severity ?? 2 : 2)
  return { domain, kind: reference.kinds.has(kind) ? kind : null, severity, review: domain === null, probability: found ? 0.9 : 0 }
}

function nextNumber(reference, town, now) {
  const day = new Date(now.getTime() + 8 * 3600000).toISOString().slice(5, 10).replace('-', '')
  const n = (reference.numbers.get(town + day) ?? 0) + 1
  reference.numbers.set(town + day, n)
  return `${reference.areas.get(town)?.short_name}-${day}-${String(n).padStart(3, '0')}`
}

/** @returns {Work} */
export function handle(reference, report, payload, device, traceparent) {
  const now = new Date()
  const [area, areaFrom] = placeOf(reference, report, device)
  const classification = classify(reference, report)
  const stored = {
    id: report.id, account: device, person: reference.homes.get(device)?.person ?? null, received_at: now, observed_at: report.observed_at, text: report.text,
    payload_sha256: createHash('sha256').update(payload).digest(), area, town: area.slice(0, 9), area_from: areaFrom, area_conflict: false,
    location: report.location ? `SRID=4326;POINT(${report.location.lon} ${report.location.lat})` : null, location_given: report.location ?? null,
    domain: report.domain ?? null, kind: report.kind ?? null, severity: report.severity ?? null, origin: report.origin ?? null,
    attachments: report.attachments ?? [], subject: report.subject ? seal(report.subject) : null, subject_key: report.subject ? 'peer' : null,
    traceparent: traceparent ?? '',
  }
  if (classification.review) return { now, report: stored, classification, case: null, parts: [] }
  const route = reference.route(classification.domain, classification.kind, classification.severity)
  const sign = new Date(now.getTime() + route.sign_minutes * 60000), handleBy = new Date(now.getTime() + route.handle_minutes * 60000)
  return {
    now, report: stored, classification,
    case: {
      id: caseOf(report.id), number: nextNumber(reference, stored.town, now), town: stored.town, year: now.getFullYear(), state: 'assigned',
      domain: classification.domain, kind: classification.kind, severity: classification.severity, restricted: route.restricted, area,
      location: stored.location, opened_at: now, sign_by: sign, handle_by: handleBy, sign_minutes: route.sign_minutes,
      handle_minutes: route.handle_minutes, clock: route.clock, lead: route.lead, has_subject: Boolean(report.subject),
    },
    parts: [{ department: route.lead, role: 'lead' }, ...route.supporting.filter(d => d !== route.lead).map(department => ({ department, role: 'supporting' }))],
  }
}

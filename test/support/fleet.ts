// The fleet's function, and documents of each of its types, for the tests of what it lets through.
import { readFileSync } from 'node:fs'
import { SyncFunction, type Judgement, type Writer } from '../../src/gateways/function/sync-function.ts'

export type Doc = Record<string, unknown> & { _id: string }

export const FLEET_FOLDER = new URL('../../docs/examples/fleet/', import.meta.url)

export const fleet = () => SyncFunction.compile(readFileSync(new URL('sync.js', FLEET_FOLDER), 'utf8'))

export const NOW = Date.UTC(2026, 7, 17, 7)

export const COMPANY = 'company_acme'
export const OTHER = 'company_other'

export const ADMIN: Writer = { name: null, roles: [], channels: [], isAdmin: true }

export const writer = (roles: readonly string[], channels: readonly string[] = []): Writer => ({
  name: 'ann',
  roles: [...roles],
  channels: [...channels],
  isAdmin: false,
})

/** What a verdict comes to: the error with its reason, or what is routed in an order of its own. */
export const said = (verdict: Judgement): unknown => {
  if (verdict.kind === 'rejected') return `${verdict.error}: ${verdict.reason}`
  if (verdict.kind === 'failed') return `failed: ${verdict.reason}`
  const { channels, access, roles } = verdict.routed
  return {
    channels: [...channels].sort(),
    access: access.map(({ to, channel }) => `${to} -> ${channel}`).sort(),
    roles: roles.map(({ user, role }) => `${user} -> ${role}`).sort(),
  }
}

const person = { company_id: COMPANY, sync_user: 'bob' }
const day = { ...person, date: '2026-08-17T18:43:56.150Z' }

/** A document of each type, by whom it is seen and what it grants; in the order of the original. */
export const MODELS: readonly { doc: Doc; channels: string[]; access: string[] }[] = [
  {
    doc: { _id: COMPANY, type: 'company', name: 'Acme' },
    channels: ['company:company_acme'],
    access: [],
  },
  {
    doc: { _id: 'user_bob', type: 'user', ...person },
    channels: ['user:bob', 'user:company_acme'],
    access: ['bob -> company:company_acme', 'bob -> mission_status_type:company_acme', 'bob -> user:bob'],
  },
  {
    doc: { _id: 'user_current_location_bob', type: 'user_current_location', ...person },
    channels: ['user_current_location:bob', 'user_current_location:company_acme'],
    access: ['bob -> user_current_location:bob'],
  },
  {
    doc: { _id: 'user_settings_bob', type: 'user_settings', ...person },
    channels: ['user_settings:bob', 'user_settings:company_acme'],
    access: ['bob -> user_settings:bob'],
  },
  {
    doc: { _id: 'user_track_bob:1', type: 'user_track', ...day },
    channels: ['user_track:bob', 'user_track:company_acme'],
    access: ['bob -> user_track:bob'],
  },
  {
    doc: { _id: 'mission_1', type: 'mission', ...day, name: 'Mission-1' },
    channels: ['mission:bob:20260817', 'mission:company_acme'],
    access: ['bob -> mission:bob:20260817'],
  },
  {
    doc: { _id: 'missions_placeholder_1', type: 'missions_placeholder', ...day },
    channels: ['mission:bob:20260817', 'missions_placeholder:company_acme'],
    access: ['bob -> mission:bob:20260817'],
  },
  {
    doc: { _id: 'mission_status_type_1', type: 'mission_status_type', company_id: COMPANY, label: 'Done' },
    channels: ['mission_status_type:company_acme'],
    access: [],
  },
]

export const modelOf = (type: string): Doc => {
  const model = MODELS.find(({ doc }) => doc.type === type)
  if (model === undefined) throw new Error(`no model of ${type}`)
  return model.doc
}

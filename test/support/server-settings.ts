// Settings of a CouchDB while a test runs.
import { isFault } from '../../src/couch/fault.ts'
import type { Space } from './space.ts'

/** Runs a test with other settings of CouchDB, each as `<section>/<key>`; they are set back. */
export async function withSettings(
  space: Space,
  settings: Record<string, string>,
  test: () => Promise<void>,
): Promise<void> {
  const path = (key: string): string[] => ['_node', '_local', '_config', ...key.split('/')]
  const before = new Map<string, string | null>()
  for (const key of Object.keys(settings)) {
    const value = await space.couch.request<string>({ path: path(key) }).catch((error: unknown) => {
      if (isFault(error, 'not_found')) return null
      throw error
    })
    before.set(key, value)
  }
  try {
    for (const [key, value] of Object.entries(settings))
      await space.couch.request({ method: 'PUT', path: path(key), body: value })
    await test()
  } finally {
    for (const [key, value] of before)
      await space.couch.request(
        value === null
          ? { method: 'DELETE', path: path(key) }
          : { method: 'PUT', path: path(key), body: value },
      )
  }
}

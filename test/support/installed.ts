// A server on which the daemon was once, for tests that need its databases and not itself.
import { install } from '../../src/skeletons/install.ts'
import { createLogger } from '../../src/log.ts'
import { shippedSkeleton, type Space } from './space.ts'

/** Installs what the daemon needs, which a space also needs to be dropped. */
export const haveInstalled = async ({ couch }: Space): Promise<void> =>
  install(couch, await shippedSkeleton(), createLogger({ level: 'silent', pretty: false }))

// What `check` asks the validation functions of policies: the daemon keeps the `_security` of a policy in a document beside them.
import { join } from 'node:path'
import { Engine, type Verdict } from '../functions/validation.ts'
import { SKELETON_PREFIX } from '../documents/names.ts'
import { SkeletonError, type SkeletonOfKind } from '../skeletons/folder.ts'
import { SECURITY_DOCUMENT } from '../skeletons/wanted.ts'

/**
 * @param folder of the skeleton
 * @throws {SkeletonError} that names a policy whose function does not let admins write that document
 */
export function checkAdminsPass(
  folder: string,
  skeleton: ReadonlyMap<string, SkeletonOfKind>,
  policies: readonly string[],
): void {
  for (const policy of policies) {
    const { security = null, designDocuments = [] } = skeleton.get(policy) ?? {}
    if (security === null) continue
    const doc = { _id: SECURITY_DOCUMENT, security }
    const admin = { db: SKELETON_PREFIX + policy, name: 'admin', roles: ['_admin'] }
    for (const { _id, validate_doc_update: text } of designDocuments) {
      if (typeof text !== 'string') continue
      for (const oldDoc of [null, doc]) {
        const said = ask(text, [doc, oldDoc, admin, {}])
        if (said.verdict !== 'ok')
          throw new SkeletonError(
            join(folder, policy, _id, 'validate_doc_update'),
            `expected a function that lets admins create and change documents, for the policy's \`_security\` is kept in one; it says: ${said.message}`,
          )
      }
    }
  }
}

function ask(text: string, args: readonly unknown[]): Verdict {
  try {
    return new Engine(text).call(args)
  } catch (error) {
    return { verdict: 'error', message: String(error) }
  }
}
